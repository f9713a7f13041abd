// Bringing one file to a device in a session: compared first, shown meanwhile, checked for a name that a device takes.

import { createHash } from "node:crypto";
import { secondsSince } from "./cli.ts";
import { UsageError } from "./errors.ts";
import type { LinkClient } from "./link_client.ts";
import type { Shown } from "./update_view.ts";

/** As native/path.c: parts of letters, digits and ._- joined by /, none beginning with a dot. */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const NAME_MAX = 63;

/** Throws UsageError for a name that no device takes. */
export function checkRemoteName(name: string): void {
  if (name.length > NAME_MAX || !NAME.test(name))
    throw new UsageError(
      `${JSON.stringify(name)} is no name on a device: letters, digits and ._- in parts joined by /, none beginning with a dot, at most ${NAME_MAX} characters`,
    );
}

/** Writes a file; false when the device has the same already. Throws LinkError. */
export async function putFile(
  client: LinkClient,
  name: string,
  content: Uint8Array,
  show: Shown,
  force = false,
): Promise<boolean> {
  const there = await client.hash(name);
  const sha256 = createHash("sha256").update(content).digest("hex");
  if (there?.sha256 === sha256 && !force) {
    show.line({ event: "same", file: name }, `${name} is there already`);
    return false;
  }
  const beganMs = performance.now();
  await client.putFile(name, content, {
    onResumed: (offset, total) => show.event({ event: "resumed", offset, total }),
    onProgress: (done, total) => show.event({ event: "progress", done, total }),
  });
  const seconds = secondsSince(beganMs);
  show.line(
    { event: "sent", file: name, bytes: content.length, sha256, seconds },
    `${name}: ${content.length} bytes in ${seconds} s, verified`,
  );
  return true;
}
