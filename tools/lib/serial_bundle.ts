// Bringing a bundle to the device on a serial port: built or read, sent, restarted and, if wanted, kept at once. For pcp_main and cpall.

import { existsSync, readFileSync } from "node:fs";
import { bundleName, decodeBundle } from "./bundle.ts";
import { secondsSince } from "./cli.ts";
import { UsageError, UserError } from "./errors.ts";
import type { Hello } from "./link_frames.ts";
import { buildBundle } from "./native_build.ts";
import type { SerialDevice } from "./serial_device.ts";
import { sendBundle } from "./update.ts";
import type { Shown } from "./update_view.ts";

/** How long a restarted device may take until it answers `keepversion`. */
const KEEP_TIMEOUT_MS = 10_000;
const KEEP_ATTEMPTS = 3;

export interface BundleOptions {
  bundle?: string;
  force?: boolean;
  keep?: boolean;
}

/** The bundle of a file, or of the profile's sources. */
export async function bundleFor(profile: string, file: string | undefined, show: Shown): Promise<Uint8Array> {
  if (file !== undefined && !existsSync(file)) throw new UsageError(`there is no ${file}`);
  const bundle = file === undefined ? (await buildBundle({ profile })).bundle : new Uint8Array(readFileSync(file));
  const decoded = decodeBundle(bundle);
  if (typeof decoded === "string") throw new UserError(`${file} is no whole bundle (${decoded}): build it again`);
  const { header } = decoded;
  const words = `${header.profile} ${header.version}, bundle ${bundleName(header)}, ${(bundle.length / 1024).toFixed(1)} KB`;
  show.line(
    {
      event: "bundle",
      bundle: bundleName(header),
      profile: header.profile,
      version: header.version,
      bytes: bundle.length,
    },
    `${file === undefined ? "built" : "read"} ${words}`,
  );
  return bundle;
}

/** Sends a bundle and restarts the device; false when it runs it already. */
export async function bringBundle(
  device: SerialDevice,
  bundle: Uint8Array,
  options: BundleOptions & { changeProfile: boolean },
  show: Shown,
): Promise<boolean> {
  const beganMs = performance.now();
  const sent = await sendBundle({
    bundle,
    open: () => device.open(),
    onEvent: (event) => show.event(event),
    changeProfile: options.changeProfile,
    force: options.force ?? false,
  });
  const seconds = secondsSince(beganMs);
  if (sent) show.line({ event: "sent", seconds }, `sent in ${seconds} s`);
  const decoded = decodeBundle(bundle);
  if (options.keep && typeof decoded !== "string") await keep(device, bundleName(decoded.header), show);
  else if (sent)
    show.line(
      { event: "done", result: "sent" },
      "It is on trial until it has proved that it can be reached (without a network: until it has run for a minute).",
    );
  return sent;
}

/** Waits for the restarted device and makes the bundle permanent. */
async function keep(device: SerialDevice, name: string, show: Shown): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const client = await device.open();
    try {
      if (client.hello.bundle.hash !== name) throw new UserError(whyNot(client.hello));
      if (await answered(device, "keepversion", `version kept ${name}`)) break;
      if (attempt === KEEP_ATTEMPTS)
        throw new UserError("the device did not answer `keepversion`: try it in `bun run console`");
    } finally {
      client.close();
    }
  }
  show.line({ event: "done", result: "confirmed", bundle: name }, `bundle ${name} is permanent`);
}

function whyNot({ bundle }: Hello): string {
  const why = bundle.recoveryWhy || bundle.rejectedWhy;
  return `the device runs ${bundle.profile} ${bundle.hash} instead${why === "" ? "" : ` (${why})`}`;
}

/** Types a command; true when `answer` comes in time. */
function answered(device: SerialDevice, command: string, answer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const channel = device.channel;
    if (channel === undefined) return resolve(false);
    let text = "";
    const timer = setTimeout(() => resolve(false), KEEP_TIMEOUT_MS);
    channel.onText = (bytes) => {
      text += Buffer.from(bytes).toString();
      if (!text.includes(answer)) return;
      clearTimeout(timer);
      resolve(true);
    };
    channel.type(`\r${command}\r`);
  });
}
