// Brings the pinned QuickJS source into the cache folder, verified file by file and patched. It owns .cache/quickjs:
// pristine/ (what upstream released), patched/ (what is built, with our own files) and engine_id (what patched/ was made from).

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { aptMirrors } from "./apt_mirror.ts";
import { type EngineLock, readEngine, verifyFiles } from "./engine_lock.ts";
import { messageOf, UserError } from "./errors.ts";
import { withLock } from "./lock.ts";
import { CACHE, ROOT } from "./paths.ts";
import { mustRun } from "./run.ts";

/** Milliseconds until a server has to answer; many machines cannot reach upstream at all. */
const ANSWER_TIMEOUT_MS = 8_000;
/** Milliseconds for a whole download (0.6 MB). */
const DOWNLOAD_TIMEOUT_MS = 180_000;
/** A source archive is never larger than this many bytes. */
const ARCHIVE_BYTES_MAX = 20_000_000;

export interface EngineOptions {
  /** Folder with engine.lock.json and patches/. */
  source?: string;
  /** Folder that is filled. */
  cache?: string;
  /** A local archive to use rather than the network (HEARTH_QUICKJS_ARCHIVE). */
  archive?: string | undefined;
  /** A Debian mirror to use rather than those of apt (HEARTH_DEBIAN_MIRROR). */
  mirror?: string | undefined;
  /** Where apt's configuration is. */
  aptFolder?: string;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  progress?: (line: string) => void;
}

export interface EngineFolder {
  /** The patched source. */
  folder: string;
  /** The source as released (its tests are in pristine/tests). */
  pristine: string;
  id: string;
}

/** Makes sure that the engine is there, verified and patched; quick when it is. Two processes may call it at once. */
export async function ensureEngine(options: EngineOptions = {}): Promise<EngineFolder> {
  const cache = options.cache ?? join(CACHE, "quickjs");
  const source = options.source ?? join(ROOT, "native", "quickjs");
  const engine = readEngine(source);
  const pristine = join(cache, "pristine");
  const patched = join(cache, "patched");
  const stamp = join(cache, "engine_id");
  mkdirSync(cache, { recursive: true });
  await withLock(join(cache, "lock.sqlite"), async () => {
    if (!isIntact(engine.lock, pristine)) {
      rmSync(pristine, { recursive: true, force: true });
      await bringPristine(engine.lock, cache, pristine, options);
    }
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === engine.id) return;
    const scratch = mkdtempSync(join(cache, "patching-"));
    try {
      copyFiles(Object.keys(engine.lock.files), pristine, scratch);
      for (const patch of engine.patches) {
        // GIT_CEILING_DIRECTORIES keeps git from taking the checkout around the cache for the patched tree.
        const env = { GIT_CEILING_DIRECTORIES: cache };
        await mustRun(`Patching the engine with ${patch}`, ["git", "apply", "--whitespace=nowarn", patch], {
          cwd: scratch,
          env,
        });
      }
      copyFiles(engine.own, source, scratch);
      rmSync(stamp, { force: true });
      syncFolder(scratch, patched);
      writeFileSync(stamp, engine.id);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
  return { folder: patched, pristine, id: engine.id };
}

/** False also when the lock file lists other files than those that were brought. */
function isIntact(lock: EngineLock, pristine: string): boolean {
  if (!existsSync(pristine)) return false;
  try {
    verifyFiles(lock, pristine, pristine);
    return true;
  } catch {
    return false;
  }
}

async function bringPristine(lock: EngineLock, cache: string, pristine: string, options: EngineOptions): Promise<void> {
  const scratch = mkdtempSync(join(cache, "unpacking-"));
  try {
    const local = options.archive ?? process.env["HEARTH_QUICKJS_ARCHIVE"];
    if (local !== undefined && local !== "") {
      if (!existsSync(local)) throw new UserError(`HEARTH_QUICKJS_ARCHIVE: there is no file ${local}`);
      await unpack(lock, local, local, scratch, pristine);
      return;
    }
    const failures: string[] = [];
    for (const url of archiveUrls(lock, options)) {
      options.progress?.(`Getting QuickJS ${lock.version} from ${url}`);
      const file = join(scratch, "archive.tar.xz");
      try {
        writeFileSync(file, await download(url, options.fetch ?? fetch));
        await unpack(lock, file, url, scratch, pristine);
        return;
      } catch (thrown) {
        const why = messageOf(thrown);
        failures.push(`  ${url}: ${why}`);
        options.progress?.(`  not from there: ${why}`);
      }
    }
    throw new UserError(
      `The source of QuickJS ${lock.version} could not be brought:\n${failures.join("\n")}\n` +
        `Get one of these files on a machine that can reach it, copy it here, and run set-up with HEARTH_QUICKJS_ARCHIVE=FILE:\n` +
        `  ${lock.upstream}\n` +
        `  ${lock.debian.path} of any Debian mirror (package ${lock.debian.package} ${lock.debian.version}, suite ${lock.debian.suite},` +
        ` SHA-256 ${lock.debian.sha256})\n` +
        "Or name a mirror that can be reached: HEARTH_DEBIAN_MIRROR=http://HOST/debian.",
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The addresses to try, in order. */
export function archiveUrls(lock: EngineLock, options: Pick<EngineOptions, "mirror" | "aptFolder">): string[] {
  const mirror = options.mirror ?? process.env["HEARTH_DEBIAN_MIRROR"];
  if (mirror !== undefined && mirror !== "") return [`${mirror.replace(/\/+$/, "")}/${lock.debian.path}`];
  const mirrors = aptMirrors(options.aptFolder ?? "/etc/apt").map((uri) => `${uri}/${lock.debian.path}`);
  return [lock.upstream, ...mirrors];
}

async function download(url: string, get: NonNullable<EngineOptions["fetch"]>): Promise<Uint8Array> {
  const abort = new AbortController();
  const answer = setTimeout(() => abort.abort(new Error("no answer")), ANSWER_TIMEOUT_MS);
  const whole = setTimeout(() => abort.abort(new Error("too slow")), DOWNLOAD_TIMEOUT_MS);
  try {
    const response = await get(url, { signal: abort.signal });
    clearTimeout(answer);
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length > ARCHIVE_BYTES_MAX) throw new Error(`${bytes.length} bytes are too many`);
    return bytes;
  } finally {
    clearTimeout(answer);
    clearTimeout(whole);
  }
}

/** Unpacks into a scratch folder, verifies all files there, and only then copies the listed ones to `pristine`. */
async function unpack(
  lock: EngineLock,
  archive: string,
  origin: string,
  scratch: string,
  pristine: string,
): Promise<void> {
  const folder = mkdtempSync(join(scratch, "files-"));
  const command = ["tar", "-xf", archive, "--strip-components=1", "--no-same-owner", "-C", folder];
  await mustRun(`Unpacking ${origin}`, command);
  verifyFiles(lock, folder, origin);
  const fresh = `${pristine}.new`;
  rmSync(fresh, { recursive: true, force: true });
  copyFiles(Object.keys(lock.files), folder, fresh);
  renameSync(fresh, pristine);
}

function copyFiles(names: readonly string[], from: string, to: string): void {
  for (const name of names) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(join(from, name), join(to, name));
  }
}

/** Makes `to` hold what `from` holds; files that are the same keep their time, so that little is compiled again. */
function syncFolder(from: string, to: string): void {
  const wanted = new Set(listFiles(from));
  if (existsSync(to)) {
    for (const name of listFiles(to)) if (!wanted.has(name)) rmSync(join(to, name));
  }
  for (const name of wanted) {
    const bytes = readFileSync(join(from, name));
    const target = join(to, name);
    if (existsSync(target) && readFileSync(target).equals(bytes)) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}

function listFiles(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
