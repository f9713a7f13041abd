import { expect, test } from "bun:test";
import { elfLength, hostImage, isWhole, readImage } from "../../tools/lib/firmware_image.ts";

/** An ELF file of 64 bits with a descriptor in it and an empty table of sections at its end. */
function elf(machine = "host", version = "1.2.3", wide = true): Uint8Array {
  const head = Buffer.alloc(64);
  head.write("\x7fELF", "latin1");
  head[4] = wide ? 2 : 1;
  const body = Buffer.concat([head, Buffer.from("HEARTHF1 is no descriptor"), descriptor(machine, version)]);
  if (wide) head.writeBigUInt64LE(BigInt(body.length), 0x28);
  else head.writeUInt32LE(body.length, 0x20);
  body.set(head);
  return new Uint8Array(body);
}

function descriptor(machine: string, version: string): Buffer {
  const bytes = Buffer.alloc(72);
  bytes.write("HEARTHF1", 0);
  bytes.write(machine, 8);
  bytes.write(version, 24);
  bytes.fill(0xe1, 56, 64);
  bytes.fill(0xa2, 64, 72);
  return bytes;
}

/** The parts of an ESP-IDF image that are looked at. */
function espImage(): Buffer {
  const bytes = Buffer.alloc(512);
  bytes[0] = 0xe9;
  bytes.writeUInt32LE(0xabcd5432, 32);
  bytes.fill(0x5c, 176, 208);
  descriptor("esp32c3", "0.3.0").copy(bytes, 300);
  return bytes;
}

test("a PC's image is read: descriptor, and a name from its hash", () => {
  for (const wide of [true, false]) {
    const image = hostImage(elf("host", "1.2.3", wide));
    const expected = Bun.SHA256.hash(elf("host", "1.2.3", wide), "hex").slice(0, 16);
    expect(readImage(image)).toMatchObject({
      machine: "host",
      version: "1.2.3",
      engineId: "e1".repeat(8),
      apiHash: "a2".repeat(8),
      name: expected,
    });
  }
});

test("a chip's image is read: descriptor, and the name that esp_app_desc gives", () => {
  expect(readImage(espImage())).toMatchObject({ machine: "esp32c3", version: "0.3.0", name: "5c".repeat(8) });
});

test("what is no image is refused with a reason, every truncation and every flipped byte", () => {
  const image = hostImage(elf());
  for (let end = 0; end < image.length; end++) expect(readImage(image.subarray(0, end))).toBeString();
  for (let at = 0; at < image.length; at++) {
    const wrong = image.slice();
    wrong[at]! ^= 0x40;
    expect(readImage(wrong)).toBeString();
  }
  expect(readImage(new Uint8Array(1000))).toBe("there is no Hearth firmware in this file");
  const bare = espImage();
  bare.writeUInt32LE(0, 32);
  expect(readImage(bare)).toContain("application descriptor");
  expect(readImage(descriptor("host", "1"))).toContain("neither");
});

test("what lies behind an image in its slot does not count", () => {
  const slot = Buffer.concat([hostImage(elf()), Buffer.alloc(100, 0xff)]);
  expect(isWhole(slot)).toBe(true);
  slot[70]! ^= 1;
  expect(isWhole(slot)).toBe(false);
  expect(elfLength(Buffer.alloc(64, 0xff))).toBe(0);
});

test("an executable with something behind its end is not made an image", () => {
  expect(() => hostImage(hostImage(elf()))).toThrow("behind its end");
});
