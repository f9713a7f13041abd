// Sends bundles to a device, one after the other, until its input ends; then says how many bytes. A process of its own: what it computes (a session is
// encrypted) must not stand in the way of what is measured.

import { encodeBundle } from "../lib/bundle.ts";
import { LINK_PORT, LinkClient } from "../lib/link_client.ts";
import { connectTcp } from "../lib/wire.ts";

/** Nearly all of a slot. */
export const BODY_BYTES = 180_000;
const RANDOM_PIECE = 65_536;

/** Runs this file for the device at `address`; the result ends it and resolves to the bytes that the device took. */
export function startSender(address: string, key: string): () => Promise<number> {
  const child = Bun.spawn([process.execPath, import.meta.path, address, key], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  return async () => {
    child.stdin.end();
    const said = await child.stdout.text();
    if ((await child.exited) !== 0) throw new Error("the sender of the update failed");
    return Number(said);
  };
}

if (import.meta.main) {
  const [address, key] = process.argv.slice(2) as [string, string];
  let going = true;
  process.stdin.on("end", () => {
    going = false;
  });
  process.stdin.resume();
  const client = await LinkClient.open(await connectTcp(address, LINK_PORT), { key: Buffer.from(key, "hex") });
  const { profile, engineId, apiHash } = client.hello.bundle;
  const body = new Uint8Array(BODY_BYTES);
  let sent = 0;
  while (going) {
    // Never what is there already.
    for (let at = 0; at < body.length; at += RANDOM_PIECE) crypto.getRandomValues(body.subarray(at, at + RANDOM_PIECE));
    await client.putBundle(encodeBundle(body, { profile, version: "bench", engineId, apiHash, bootPins: [] }));
    sent += body.length;
  }
  client.close();
  console.log(sent);
}
