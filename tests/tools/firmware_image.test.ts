import { expect, test } from "bun:test";
import { elfLength, hostImage, isWhole, readImage } from "../../tools/lib/firmware_image.ts";
import { descriptor, elf, espImage } from "../support/images.ts";

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
