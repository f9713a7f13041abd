// The smallest files that are firmware to whoever only looks at their heads.

/** An ELF file of 64 bits with a descriptor in it and an empty table of sections at its end. */
export function elf(machine = "host", version = "1.2.3", wide = true): Uint8Array {
  const head = Buffer.alloc(64);
  head.write("\x7fELF", "latin1");
  head[4] = wide ? 2 : 1;
  const body = Buffer.concat([head, Buffer.from("HEARTHF1 is no descriptor"), descriptor(machine, version)]);
  if (wide) head.writeBigUInt64LE(BigInt(body.length), 0x28);
  else head.writeUInt32LE(body.length, 0x20);
  body.set(head);
  return new Uint8Array(body);
}

export function descriptor(machine: string, version: string): Buffer {
  const bytes = Buffer.alloc(72);
  bytes.write("HEARTHF1", 0);
  bytes.write(machine, 8);
  bytes.write(version, 24);
  bytes.fill(0xe1, 56, 64);
  bytes.fill(0xa2, 64, 72);
  return bytes;
}

/** The parts of an ESP-IDF image that are looked at. */
export function espImage(machine = "esp32c3"): Buffer {
  const bytes = Buffer.alloc(512);
  bytes[0] = 0xe9;
  bytes.writeUInt32LE(0xabcd5432, 32);
  bytes.fill(0x5c, 176, 208);
  descriptor(machine, "0.3.0").copy(bytes, 300);
  return bytes;
}
