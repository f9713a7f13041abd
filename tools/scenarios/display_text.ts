// Reads what a display shows as a person does: text in cells of 8x8 dots, on rows of 8.

import { CELL, glyphColumn } from "../../device/drivers/font8x8.ts";
import type { Picture } from "../sim/picture.ts";

const FIRST = 0x20;
const LAST = 0x7e;

/** The characters of each row, for cells that begin at a multiple of 8; a cell that is no character is "?". */
export function textOf(picture: Picture): string[] {
  return Array.from({ length: Math.floor(picture.height / CELL) }, (_, row) =>
    Array.from({ length: Math.floor(picture.width / CELL) }, (_, cell) =>
      characterAt(picture, cell * CELL, row * CELL),
    ).join(""),
  );
}

function characterAt(picture: Picture, x: number, y: number): string {
  for (let code = FIRST; code <= LAST; code++) if (isGlyph(picture, x, y, code)) return String.fromCharCode(code);
  return "?";
}

function isGlyph(picture: Picture, x: number, y: number, code: number): boolean {
  for (let column = 0; column < CELL; column++) {
    const dots = glyphColumn(code, column);
    for (let dot = 0; dot < CELL; dot++) if (picture.lit(x + column, y + dot) !== ((dots >> dot) & 1) > 0) return false;
  }
  return true;
}
