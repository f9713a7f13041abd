// Reads the Debian mirrors that this machine's own apt configuration names; no mirror's name stands in this repository.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The http(s) URIs of a one-line-style file (`deb [options] uri suite components`), in order. */
export function urisOfList(text: string): string[] {
  const uris: string[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb(?:-src)?\s+(?:\[[^\]]*\]\s+)?(\S+)\s+\S/.exec(line);
    if (match?.[1] !== undefined) uris.push(match[1]);
  }
  return uris.filter(isHttp);
}

/** The http(s) URIs of a deb822-style file, in order; disabled stanzas are left out. */
export function urisOfSources(text: string): string[] {
  const uris: string[] = [];
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  for (const stanza of lines.join("\n").split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z0-9-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set((match[1] as string).toLowerCase(), (match[2] as string).trim());
    }
    if (/^(no|false|0)$/i.test(fields.get("enabled") ?? "yes")) continue;
    uris.push(...(fields.get("uris") ?? "").split(/\s+/));
  }
  return uris.filter(isHttp);
}

/** All mirrors of an apt folder (normally /etc/apt) without repeats; security archives come last, they rarely hold sources. */
export function aptMirrors(folder: string): string[] {
  const uris = urisOfList(readOrEmpty(join(folder, "sources.list")));
  const parts = join(folder, "sources.list.d");
  for (const name of listOrEmpty(parts).sort()) {
    if (name.endsWith(".list")) uris.push(...urisOfList(readOrEmpty(join(parts, name))));
    if (name.endsWith(".sources")) uris.push(...urisOfSources(readOrEmpty(join(parts, name))));
  }
  const mirrors = [...new Set(uris.map((uri) => uri.replace(/\/+$/, "")))];
  const rank = (uri: string) => (/\/debian$/.test(uri) ? 0 : /security/.test(uri) ? 2 : 1);
  return mirrors.sort((a, b) => rank(a) - rank(b));
}

function isHttp(uri: string): boolean {
  return /^https?:\/\/./.test(uri);
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function listOrEmpty(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
