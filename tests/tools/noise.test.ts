// The tools' Noise against the published vectors, and what must not verify.

import { expect, test } from "bun:test";
import { open, seal } from "../../tools/lib/chacha20_poly1305.ts";
import { NoiseSession } from "../../tools/lib/noise.ts";
import published from "../vectors/noise_nnpsk0.json";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array | undefined) => (value === undefined ? "refused" : Buffer.from(value).toString("hex"));

function pair(psk = new Uint8Array(32).fill(7), otherPsk = psk) {
  const prologue = Buffer.from("hearth-link-1");
  return {
    tool: new NoiseSession({ initiator: true, psk, prologue }),
    device: new NoiseSession({ initiator: false, psk: otherPsk, prologue }),
  };
}

function established() {
  const { tool, device } = pair();
  device.read(tool.write(new Uint8Array(0)));
  tool.read(device.write(new Uint8Array(0)));
  return { tool, device };
}

for (const vector of published.vectors) {
  test(`published vector of ${vector.source}`, () => {
    const side = (initiator: boolean) =>
      new NoiseSession({
        initiator,
        psk: bytes((initiator ? vector.init_psks : vector.resp_psks)[0]!),
        prologue: bytes(initiator ? vector.init_prologue : vector.resp_prologue),
        ephemeral: bytes(initiator ? vector.init_ephemeral : vector.resp_ephemeral!),
      });
    const sides = [side(true), side(false)] as const;
    vector.messages.forEach((message, index) => {
      const text = sides[index % 2 === 0 ? 0 : 1].write(bytes(message.payload));
      expect(hex(text)).toBe(message.ciphertext);
      expect(hex(sides[index % 2 === 0 ? 1 : 0].read(text))).toBe(message.payload);
    });
    if ("handshake_hash" in vector) expect(hex(sides[0].handshakeHash)).toBe(vector.handshake_hash as string);
  });
}

test("AEAD example of RFC 8439, section 2.8.2", () => {
  const key = bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const nonce = bytes("070000004041424344454647");
  const ad = bytes("50515253c0c1c2c3c4c5c6c7");
  const plain = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const sealed = seal(key, nonce, plain, ad);
  expect(hex(sealed)).toStartWith("d31a8d34648e60db7b86afbc53ef7ec2");
  expect(hex(sealed)).toEndWith("61161ae10b594f09e26a7e902ecbd0600691");
  expect(hex(open(key, nonce, sealed, ad))).toBe(hex(plain));
});

test("texts of ones of every length go there and back", () => {
  const key = new Uint8Array(32).fill(0xff);
  const nonce = new Uint8Array(12).fill(0xff);
  for (let length = 0; length < 100; length++) {
    const plain = new Uint8Array(length).fill(0xff);
    const sealed = seal(key, nonce, plain, plain);
    expect(sealed.length).toBe(length + 16);
    expect(hex(open(key, nonce, sealed, plain))).toBe(hex(plain));
  }
});

test("a public key of low order ends the handshake", () => {
  const { tool } = pair();
  tool.write(new Uint8Array(0));
  expect(tool.read(new Uint8Array(64))).toBeUndefined();
});

test("a wrong key is noticed at the first message", () => {
  const { tool, device } = pair(new Uint8Array(32).fill(1), new Uint8Array(32).fill(2));
  expect(device.read(tool.write(new Uint8Array(0)))).toBeUndefined();
});

test("every changed byte of a handshake message is noticed", () => {
  const message = pair().tool.write(new Uint8Array(0));
  for (let at = 0; at < message.length; at++) {
    const changed = message.slice();
    changed[at]! ^= 0x40;
    expect(pair().device.read(changed)).toBeUndefined();
  }
});

test("every truncation of a transport message is noticed", () => {
  const length = established().tool.write(Buffer.from("hello")).length;
  for (let end = 0; end < length; end++) {
    const { tool, device } = established();
    expect(device.read(tool.write(Buffer.from("hello")).subarray(0, end))).toBeUndefined();
  }
});

test("a repeated message is refused and ends the session", () => {
  const { tool, device } = established();
  const first = tool.write(Buffer.from("one"));
  const second = tool.write(Buffer.from("two"));
  expect(hex(device.read(first))).toBe(hex(Buffer.from("one")));
  expect(device.read(first)).toBeUndefined();
  expect(device.read(second)).toBeUndefined();
});

test("messages in the wrong order are refused", () => {
  const { tool, device } = established();
  tool.write(Buffer.from("one"));
  expect(device.read(tool.write(Buffer.from("two")))).toBeUndefined();
});

test("a recorded session says nothing to a fresh one", () => {
  const { tool, device } = pair();
  const hello = tool.write(new Uint8Array(0));
  device.read(hello);
  tool.read(device.write(new Uint8Array(0)));
  const recorded = tool.write(Buffer.from("commit"));
  const fresh = pair().device;
  expect(fresh.read(hello)).toBeDefined();
  fresh.write(new Uint8Array(0));
  expect(fresh.read(recorded)).toBeUndefined();
});
