// The pinned engine: what is brought is verified file by file before anything of it is used. No network here: archives are local.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aptMirrors, urisOfList, urisOfSources } from "../../tools/lib/apt_mirror.ts";
import { readEngine } from "../../tools/lib/engine_lock.ts";
import { archiveUrls, type EngineOptions, ensureEngine } from "../../tools/lib/fetch_engine.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const MAIN = "int main;\n";
const PATCH = "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-int main;\n+int patched;\n";

let folder = "";
let options: EngineOptions = {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-engine-"));
  const source = join(folder, "source");
  mkdirSync(join(source, "patches"), { recursive: true });
  const lock = {
    version: "1",
    upstream: "http://upstream.invalid/e.tar.xz",
    debian: { package: "e", version: "1-1", suite: "s", path: "pool/e.tar.xz", sha256: "0" },
    files: { "main.c": createHash("sha256").update(MAIN).digest("hex") },
  };
  writeFileSync(join(source, "engine.lock.json"), JSON.stringify(lock));
  options = { source, cache: join(folder, "cache"), archive: archiveOf(MAIN), aptFolder: join(folder, "apt") };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function archiveOf(content: string): string {
  const top = join(folder, "engine-1");
  mkdirSync(top, { recursive: true });
  writeFileSync(join(top, "main.c"), content);
  writeFileSync(join(top, "unlisted.c"), "x");
  const path = join(folder, "engine.tar.xz");
  Bun.spawnSync(["tar", "-cJf", path, "-C", folder, "engine-1"]);
  return path;
}

function addPatch(name: string, text: string): void {
  writeFileSync(join(options.source as string, "patches", name), text);
}

test("an archive whose files are the pinned ones is unpacked, and only the listed files are kept", async () => {
  const engine = await ensureEngine(options);
  expect(readFileSync(join(engine.folder, "main.c"), "utf8")).toBe(MAIN);
  expect(existsSync(join(engine.pristine, "unlisted.c"))).toBe(false);
});

test("a file that differs is named with both hashes, and nothing is used", async () => {
  const bad = createHash("sha256").update("int evil;\n").digest("hex");
  const attempt = ensureEngine({ ...options, archive: archiveOf("int evil;\n") });
  await expect(attempt).rejects.toThrow(new RegExp(`main\\.c[\\s\\S]*expected[\\s\\S]*${bad}`));
  expect(existsSync(join(folder, "cache", "patched"))).toBe(false);
  expect(existsSync(join(folder, "cache", "pristine"))).toBe(false);
});

test("when nothing is reachable the message says which file, where to get it and which variable", async () => {
  const refuse = () => Promise.reject(new Error("unreachable"));
  const attempt = ensureEngine({ ...options, archive: "", mirror: "http://mirror.invalid/debian", fetch: refuse });
  await expect(attempt).rejects.toThrow(/pool\/e\.tar\.xz[\s\S]*HEARTH_QUICKJS_ARCHIVE[\s\S]*HEARTH_DEBIAN_MIRROR/);
});

test("what one place does not have is taken from the next", async () => {
  mkdirSync(join(folder, "apt"));
  writeFileSync(join(folder, "apt", "sources.list"), "deb http://a.invalid/debian x main\n");
  const bytes = readFileSync(options.archive as string);
  const asked: string[] = [];
  const get = (url: string) => {
    asked.push(url);
    return Promise.resolve(asked.length === 1 ? new Response("", { status: 404 }) : new Response(bytes));
  };
  await ensureEngine({ ...options, archive: "", mirror: "", fetch: get });
  expect(asked).toEqual(["http://upstream.invalid/e.tar.xz", "http://a.invalid/debian/pool/e.tar.xz"]);
});

test("an engine that is there needs neither archive nor network", async () => {
  await ensureEngine(options);
  const refuse = () => Promise.reject(new Error("must not be asked"));
  await ensureEngine({ ...options, archive: "", fetch: refuse });
});

test("patches are applied, change the engine id, and are taken back when they go", async () => {
  const plain = await ensureEngine(options);
  addPatch("0001-x.patch", PATCH);
  const patched = await ensureEngine(options);
  expect(readFileSync(join(patched.folder, "main.c"), "utf8")).toBe("int patched;\n");
  expect(readFileSync(join(patched.pristine, "main.c"), "utf8")).toBe(MAIN);
  expect(patched.id).not.toBe(plain.id);
  rmSync(join(options.source as string, "patches", "0001-x.patch"));
  const again = await ensureEngine(options);
  expect(again.id).toBe(plain.id);
  expect(readFileSync(join(again.folder, "main.c"), "utf8")).toBe(MAIN);
});

test("a file that no patch touches keeps its time, so that it is not compiled again", async () => {
  const engine = await ensureEngine(options);
  const before = statSync(join(engine.folder, "main.c")).mtimeMs;
  addPatch("0001-x.patch", "--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+int fresh;\n");
  await ensureEngine(options);
  expect(existsSync(join(engine.folder, "new.c"))).toBe(true);
  expect(statSync(join(engine.folder, "main.c")).mtimeMs).toBe(before);
});

test("a patch that does not apply is named and leaves no stamp", async () => {
  addPatch("0001-x.patch", PATCH.replace("-int main;", "-int other;"));
  await expect(ensureEngine(options)).rejects.toThrow("0001-x.patch");
  expect(existsSync(join(folder, "cache", "engine_id"))).toBe(false);
});

test("the engine id is the start of SHA-256 over the lock file and the patches in order", () => {
  addPatch("0002-b.patch", "b");
  addPatch("0001-a.patch", "a");
  const lock = readFileSync(join(options.source as string, "engine.lock.json"));
  const expected = createHash("sha256").update(lock).update("ab").digest("hex").slice(0, 16);
  expect(readEngine(options.source as string).id).toBe(expected);
});

test("apt's one-line sources are read with options, comments and other schemes", () => {
  const text =
    "# deb http://no/ x main\ndeb [arch=amd64 signed-by=/k] http://m.invalid/debian x main\ndeb cdrom:[x]/ x main\n";
  expect(urisOfList(text)).toEqual(["http://m.invalid/debian"]);
});

test("apt's stanzas are read with several addresses, comments inside and disabled ones left out", () => {
  const text =
    "Types: deb\n# a comment\nURIs: http://a.invalid/debian\n  https://b.invalid/debian\nSuites: x\n\n" +
    "Types: deb\nEnabled: no\nURIs: http://off.invalid/debian\n";
  expect(urisOfSources(text)).toEqual(["http://a.invalid/debian", "https://b.invalid/debian"]);
});

test("mirrors of all files are asked once each, security archives last", () => {
  const apt = join(folder, "apt");
  mkdirSync(join(apt, "sources.list.d"), { recursive: true });
  writeFileSync(
    join(apt, "sources.list"),
    "deb http://m.invalid/debian-security x main\ndeb http://m.invalid/debian/ x main\n",
  );
  writeFileSync(join(apt, "sources.list.d", "a.sources"), "URIs: http://m.invalid/debian\n");
  writeFileSync(join(apt, "sources.list.d", "ignored.bak"), "deb http://bak.invalid/debian x main\n");
  expect(aptMirrors(apt)).toEqual(["http://m.invalid/debian", "http://m.invalid/debian-security"]);
});

test("a mirror that was named is the only place that is asked", () => {
  const { lock } = readEngine(options.source as string);
  expect(archiveUrls(lock, { mirror: "http://mine.invalid/debian/" })).toEqual([
    "http://mine.invalid/debian/pool/e.tar.xz",
  ]);
});
