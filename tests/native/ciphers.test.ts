// The ciphers of the native API against published vectors, on the firmware's PSA and on the in-memory chip.

import { expect, setDefaultTimeout, test } from "bun:test";
import { MACHINES } from "../support/both_machines.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import vectors from "../vectors/ciphers.json";

setDefaultTimeout(SLOW_TEST_MS);

const { aesCbc, hmacSha256, x25519, aead } = vectors;
const script = (text: string) => `const v = ${JSON.stringify(vectors)};\n${text}\nnative.onTurn(() => Infinity);`;

for (const { name, run } of MACHINES) {
  test(`${name}: AES-CBC as ${aesCbc.source}`, async () => {
    const { told } = await run(
      script(`const { iv, plain, cases } = v.aesCbc;
        for (const { key, cipher } of cases) {
          tell(hex(native.aesCbc(true, unhex(key), unhex(iv), unhex(plain))));
          tell(hex(native.aesCbc(false, unhex(key), unhex(iv), unhex(cipher))));
        }
        tell(hex(native.aesCbc(true, unhex(cases[0].key), unhex(iv), unhex(""))) + ".");`),
      10,
    );
    expect(told).toEqual([...aesCbc.cases.flatMap(({ cipher }) => [cipher, aesCbc.plain]), "."]);
  });

  test(`${name}: HMAC-SHA-256 as ${hmacSha256.source}`, async () => {
    const { told } = await run(
      script(`for (const { key, text } of v.hmacSha256.cases) tell(hex(native.hmacSha256(unhex(key), unhex(text))));
        tell(hex(native.hmacSha256(unhex(""), unhex(""))));`),
      10,
    );
    for (const [at, { mac }] of hmacSha256.cases.entries()) expect(told[at]?.slice(0, mac.length)).toBe(mac);
    // printf '' | openssl dgst -sha256 -hmac ''
    expect(told.at(-1)).toBe("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  });

  test(`${name}: X25519 as ${x25519.source}, points of low order refused`, async () => {
    const { told } = await run(
      script(`const { cases, iterated, lowOrder } = v.x25519;
        for (const { scalar, point } of cases) tell(hex(native.x25519(unhex(scalar), unhex(point))));
        let [k, u] = [unhex(iterated.start), unhex(iterated.start)];
        for (let round = 1; round <= 1000; round++) {
          [k, u] = [native.x25519(k, u), k];
          if (round === 1) tell(hex(k));
        }
        tell(hex(k));
        tell(lowOrder.filter((point) => native.x25519(k, unhex(point)) !== undefined).join());
        // 9 and 9 plus the prime are the same point.
        const more = unhex("f6" + "ff".repeat(30) + "7f");
        tell(hex(native.x25519(k, unhex(iterated.start))) === hex(native.x25519(k, more)));`),
      10,
    );
    const { once, thousandTimes } = x25519.iterated;
    expect(told).toEqual([...x25519.cases.map(({ shared }) => shared), once, thousandTimes, "", "true"]);
  });

  test(`${name}: ChaCha20-Poly1305 as ${aead.source}; every change of a bit is refused`, async () => {
    const { told } = await run(
      script(`const [key, nonce, associated, plain, sealed] = [v.aead.key, v.aead.nonce, v.aead.associated, v.aead.plain, v.aead.sealed].map(unhex);
        tell(hex(native.aeadSeal(key, nonce, associated, plain)));
        tell(hex(native.aeadOpen(key, nonce, associated, sealed)));
        let opened = 0;
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const changed = sealed.slice();
          changed[bit >> 3] ^= 1 << (bit & 7);
          if (native.aeadOpen(key, nonce, associated, changed) !== undefined) opened++;
        }
        for (let length = 0; length < sealed.length; length++)
          if (native.aeadOpen(key, nonce, associated, sealed.slice(0, length)) !== undefined) opened++;
        associated[0] ^= 1;
        if (native.aeadOpen(key, nonce, associated, sealed) !== undefined) opened++;
        tell(opened);
        const empty = native.aeadSeal(key, nonce, unhex(""), unhex(""));
        tell(empty.length, hex(native.aeadOpen(key, nonce, unhex(""), empty)) + ".");`),
      10,
    );
    expect(told).toEqual([aead.sealed, aead.plain, "0", "16 ."]);
  });

  test(`${name}: wrong lengths are the caller's mistake`, async () => {
    const { told } = await run(
      script(`const n = (length) => new Uint8Array(length);
        tell(code(() => native.aesCbc(true, n(24), n(16), n(16))), code(() => native.aesCbc(true, n(16), n(12), n(16))),
          code(() => native.aesCbc(false, n(16), n(16), n(15))), code(() => native.x25519(n(31), n(32))),
          code(() => native.x25519(n(32), n(33))), code(() => native.aeadSeal(n(16), n(12), n(0), n(0))),
          code(() => native.aeadOpen(n(32), n(8), n(0), n(16))));`),
      10,
    );
    expect(told).toEqual(["-2 -2 -2 -2 -2 -2 -2"]);
  });
}
