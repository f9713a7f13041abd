// Checks a configuration file against a profile's schema before it is sent: one message per fault. Values are never printed, they may be secrets.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { z } from "zod";
import { CONFIG_MAX_BYTES } from "../../device/config.ts";
import { UserError } from "./errors.ts";

export type ConfigCheck = { values: Record<string, unknown> } | { faults: string[] };

const PROFILES = join(import.meta.dir, "../../profiles");

/** Checks `text` for a profile, whose schema is the export `config` of its config.ts. Throws UserError for an unknown profile. */
export async function checkConfig(profile: string, text: string | Uint8Array): Promise<ConfigCheck> {
  const file = join(PROFILES, profile, "config.ts");
  if (!/^[a-z0-9_]+$/.test(profile) || !existsSync(file)) {
    throw new UserError(
      `There is no profile ${profile} with a configuration. Look into profiles/ for those there are.`,
    );
  }
  const { config } = (await import(file)) as { config: z.ZodObject };
  return checkConfigWith(config, text);
}

/** Checks `text` against a strict schema of string-valued tokens. */
export function checkConfigWith(schema: z.ZodObject, text: string | Uint8Array): ConfigCheck {
  const decoded = typeof text === "string" ? text : decode(text);
  if (decoded === undefined) return { faults: ["The file is not UTF-8 text."] };
  const faults: { line: number; message: string }[] = [];
  if (Buffer.byteLength(decoded) > CONFIG_MAX_BYTES) {
    faults.push({ line: 0, message: `The file is longer than ${CONFIG_MAX_BYTES} bytes.` });
  }
  const given: Record<string, string> = {};
  const lines = new Map<string, number>();
  /** Tokens in lines that were told of already: they are not missing on top of that. */
  const told = new Set<string>();
  for (const [index, content] of decoded.split("\n").entries()) {
    const line = index + 1;
    const words = content.split(/[ \t\r]+/).filter((word) => word !== "");
    const token = words[0];
    if (token === undefined || token.startsWith("#")) continue;
    const what = faultOf(schema, content, words, lines);
    if (what !== undefined) {
      faults.push({ line, message: `line ${line}: ${what}` });
      told.add(token);
    } else {
      lines.set(token, line);
      if (words[1] !== "None") given[token] = words[1] as string;
    }
  }
  const result = schema.safeParse(given);
  for (const issue of result.error?.issues ?? []) {
    const token = String(issue.path[0]);
    const line = lines.get(token) ?? 0;
    if (given[token] !== undefined) faults.push({ line, message: `line ${line}: ${token} ${issue.message}` });
    else if (!told.has(token)) faults.push({ line: Number.MAX_SAFE_INTEGER, message: `${token} is missing` });
  }
  if (faults.length === 0 && result.success) return { values: result.data };
  return { faults: faults.sort((a, b) => a.line - b.line).map((each) => each.message) };
}

/** What is wrong with a line as such, before its value is looked at. */
function faultOf(
  schema: z.ZodObject,
  content: string,
  words: string[],
  lines: Map<string, number>,
): string | undefined {
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(content)) return "holds bytes that are no text";
  const known = Object.hasOwn(schema.shape, words[0] as string);
  // A word that is no token may be a secret that slipped there.
  const token = known ? words[0] : "its first word";
  if (words.length === 1) return `${token} has no value (None means that it is absent)`;
  if (words.length > 2) return `${token}: more than one value; neither token nor value may hold blanks`;
  if (!known) return "unknown token";
  const before = lines.get(words[0] as string);
  return before === undefined ? undefined : `${token} was given in line ${before} already`;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
