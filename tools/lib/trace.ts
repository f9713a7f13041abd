// Turns a device's back trace (lines `at name (LINE:COLUMN)`, of the bundle's script) into TypeScript files and lines with a bundle's artifact.

import { TraceMap } from "@jridgewell/trace-mapping";
import { type Artifact, loadArtifact } from "./artifacts.ts";
import { originalPlace } from "./bundler.ts";

/** What hearthc writes: per function what it weighs, and which line each stretch of its byte code comes from. */
export interface FunctionMap {
  /** False: it is ordinary bytecode, which is copied into the heap, and has no functions here. */
  inFlash: boolean;
  functions: {
    /** Bytes of its byte code. */
    length: number;
    name: string;
    /** Constants that it holds (its inner functions are some of them), and variables of outer functions that it uses. */
    constants: number;
    closures: number;
    /** Bytes of its line table. */
    lineBytes: number;
    /** [program counter within the function, line, column], ascending by the first. */
    lines: [number, number, number][];
  }[];
}

export interface Frame {
  /** The function's name in the bundle (minified for plain functions, whole for methods). */
  name: string;
  /** `file:line` relative to the checkout; undefined when the artifact does not know the place. */
  place: string | undefined;
}

/** Ordinary bytecode has the script's name before the line. */
const FRAME = /^\s*at (.*?)\s*\((?:(?:bundle\.js:)?(\d+):(\d+)|native)\)\s*$/;

/** The frames of a back trace, innermost first. Lines that are none are left out. */
export function traceFrames(stack: string, artifact: Pick<Artifact, "map">): Frame[] {
  const map = new TraceMap(artifact.map);
  const frames: Frame[] = [];
  for (const line of stack.split("\n")) {
    const match = FRAME.exec(line);
    if (match === null) continue;
    const name = match[1] === "" ? "<anonymous>" : (match[1] as string);
    frames.push({
      name,
      place: match[2] === undefined ? undefined : originalPlace(map, Number(match[2]), Number(match[3])),
    });
  }
  return frames;
}

/** The back trace with the place in TypeScript where it is known; other lines stay as they are. */
export function readableTrace(stack: string, artifact: Pick<Artifact, "map">): string {
  const lines = stack.split("\n").map((line) => {
    const frame = traceFrames(line, artifact)[0];
    return frame?.place === undefined ? line : `    at ${frame.name} (${frame.place})`;
  });
  return lines.join("\n");
}

/** A recorded exception with TypeScript places where the artifact store knows the bundle. */
export function explainException(exception: unknown, bundle: string): string | undefined {
  const { message, stack, hash: recorded } = (exception ?? {}) as { message?: string; stack?: string; hash?: string };
  if (message === undefined || (recorded !== undefined && recorded !== "" && recorded !== bundle)) return undefined;
  const artifact = loadArtifact(recorded || bundle);
  const trace = artifact === undefined ? (stack ?? "") : readableTrace(stack ?? "", artifact);
  return `${message}\n${trace}`.trimEnd();
}

/** A line on stat/NAME/Log: a recorded exception in TypeScript where the artifact store knows the bundle, any other line as it is. */
export function explainLogLine(line: string): string {
  if (!line.startsWith("exception {")) return line;
  try {
    const exception = JSON.parse(line.slice("exception ".length)) as { hash?: string };
    const text = explainException(exception, exception.hash ?? "");
    return text === undefined ? line : `exception ${text}`;
  } catch {
    return line; // a piece of a line that came in several
  }
}
