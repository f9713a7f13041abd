// A display's dots as a person may look at them: in the terminal (two dots a character, one above the other), and as a PNG file.

import { crc32, deflateSync, inflateSync } from "node:zlib";

/** Dots from the left and the top. */
export interface Picture {
  width: number;
  height: number;
  lit(x: number, y: number): boolean;
}

/** Sides of a dot in a PNG file. */
const ZOOM = 4;
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Lines of half blocks. */
export function halfBlocks({ width, height, lit }: Picture): string[] {
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = "";
    for (let x = 0; x < width; x++) line += [" ", "▄", "▀", "█"][(lit(x, y) ? 2 : 0) + (lit(x, y + 1) ? 1 : 0)];
    lines.push(line);
  }
  return lines;
}

/** A PNG of one bit a pixel (PNG specification, third edition), `ZOOM` pixels a dot. */
export function encodePng({ width, height, lit }: Picture): Uint8Array {
  const rowBytes = (width * ZOOM) / 8;
  const rows = new Uint8Array((rowBytes + 1) * height * ZOOM);
  for (let y = 0; y < height * ZOOM; y++)
    for (let x = 0; x < width * ZOOM; x++)
      if (lit(Math.floor(x / ZOOM), Math.floor(y / ZOOM))) rows[y * (rowBytes + 1) + 1 + (x >> 3)]! |= 0x80 >> (x & 7);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width * ZOOM, 0);
  header.writeUInt32BE(height * ZOOM, 4);
  header[8] = 1; // bit depth; colour type 0 is grey
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** Reads what encodePng wrote. Throws on anything else. */
export function decodePng(file: Uint8Array): Picture {
  const bytes = Buffer.from(file);
  const header = bytes.subarray(16, 29);
  const dataLength = bytes.readUInt32BE(33);
  if (header[8] !== 1 || bytes.toString("latin1", 37, 41) !== "IDAT") throw new Error("not a picture of encodePng");
  const rows = inflateSync(bytes.subarray(41, 41 + dataLength));
  const width = header.readUInt32BE(0) / ZOOM;
  const height = header.readUInt32BE(4) / ZOOM;
  const stride = (width * ZOOM) / 8 + 1;
  const lit = (x: number, y: number) =>
    (((rows[y * ZOOM * stride + 1 + ((x * ZOOM) >> 3)] as number) << ((x * ZOOM) & 7)) & 0x80) !== 0;
  return { width, height, lit };
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
