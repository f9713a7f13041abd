// What `otatool` and `otascript` can do in a session with a device: each action by its words. Sessions and the screen are the callers'.

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { UsageError, UserError } from "./errors.ts";
import type { LinkClient } from "./link_client.ts";
import { checkRemoteName, putFile } from "./put_file.ts";
import type { Shown } from "./update_view.ts";

interface Action {
  usage: string;
  what: string;
  /** How many words follow. */
  min: number;
  max: number;
  run(client: LinkClient, words: string[], show: Shown): Promise<void>;
}

export const ACTIONS: Record<string, Action> = {
  send: { usage: "send LOCAL [REMOTE]", what: "copies a file to the device", min: 1, max: 2, run: send },
  get: { usage: "get REMOTE [LOCAL]", what: "copies a file from the device", min: 1, max: 2, run: get },
  list: { usage: "list", what: "files and their sizes", min: 0, max: 0, run: list },
  hash: { usage: "hash REMOTE", what: "size and SHA-256 of a file", min: 1, max: 1, run: hash },
  rm: { usage: "rm REMOTE", what: "removes a file", min: 1, max: 1, run: rm },
  info: { usage: "info", what: "what the device is, uptime, heap, space, stored messages", min: 0, max: 0, run: info },
};

/** Checks an action's words before any device is looked for. Throws UsageError. */
export function checkAction(words: readonly string[]): void {
  const action = Object.hasOwn(ACTIONS, words[0] ?? "") ? ACTIONS[words[0] as string] : undefined;
  if (action === undefined) throw new UsageError(`${words[0] ?? "nothing"}: one of ${Object.keys(ACTIONS).join(", ")}`);
  const rest = words.length - 1;
  if (rest < action.min || rest > action.max) throw new UsageError(`use: ${action.usage}`);
  if (words[0] === "send") {
    if (!isFile(words[1] as string)) throw new UsageError(`there is no file ${words[1]}`);
    checkRemoteName(words[2] ?? basename(words[1] as string));
  } else if (rest > 0) checkRemoteName(words[1] as string);
}

/** Carries out an action whose words were checked. Throws LinkError. */
export async function runAction(client: LinkClient, words: readonly string[], show: Shown): Promise<void> {
  await (ACTIONS[words[0] as string] as Action).run(client, words.slice(1), show);
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

async function send(client: LinkClient, [local, remote]: string[], show: Shown): Promise<void> {
  const path = local as string;
  await putFile(client, remote ?? basename(path), new Uint8Array(readFileSync(path)), show);
}

async function get(client: LinkClient, [remote, local]: string[], show: Shown): Promise<void> {
  const name = remote as string;
  const path = local ?? basename(name);
  const content = await client.get(name);
  writeFileSync(path, content);
  show.line(
    { event: "got", file: name, local: path, bytes: content.length },
    `${name}: ${content.length} bytes to ${path}`,
  );
}

async function list(client: LinkClient, _: string[], show: Shown): Promise<void> {
  const files = [...(await client.list())].sort();
  for (const [file, bytes] of files) show.line({ event: "file", file, bytes }, `${String(bytes).padStart(8)}  ${file}`);
  if (files.length === 0) show.line({ event: "empty" }, "the device has no files");
}

async function hash(client: LinkClient, [remote]: string[], show: Shown): Promise<void> {
  const found = await client.hash(remote as string);
  if (found === undefined) throw new UserError(`there is no file ${remote} on the device`);
  show.line({ event: "hash", file: remote, ...found }, `${found.sha256}  ${remote} (${found.size} bytes)`);
}

async function rm(client: LinkClient, [remote]: string[], show: Shown): Promise<void> {
  await client.remove(remote as string);
  show.line({ event: "removed", file: remote }, `${remote} removed`);
}

async function info(client: LinkClient, _: string[], show: Shown): Promise<void> {
  const { hello } = client;
  const [told, stored] = [await client.info(), await client.log()];
  const [live, peak, free, largest] = told.heap;
  show.line(
    { event: "info", hello, ...told, ...stored },
    [
      `${hello.name} on ${hello.machine}, ${hello.bundle.profile} ${hello.bundle.version} bundle ${hello.bundle.hash}`,
      `firmware ${told.firmware}, chip ${told.id}, up ${Math.floor(told.uptimeMs / 1000)} s, ${told.space} bytes free for files`,
      `heap ${live} live, ${peak} at peak, ${free} free, largest block ${largest}`,
      ...(stored.reboot === undefined ? [] : [`reboot: ${stored.reboot}`]),
      ...(stored.exception === undefined ? [] : [`exception: ${stored.exception}`]),
    ].join("\n"),
  );
}
