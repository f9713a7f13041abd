// One device that follows its sources: at the start and after every save type check, build, send, restart, and what became of it. Rounds never overlap: the
// device takes no bundle while one is on trial. Options and the end are tools/dev.ts's, the steps of an update update.ts's.

import pc from "picocolors";
import { type Compiler, compileBundle } from "./build_bundle.ts";
import { secondsSince } from "./cli.ts";
import { UserError } from "./errors.ts";
import type { NetworkDevice } from "./network_device.ts";
import { SourceWatch } from "./source_watch.ts";
import { explainException, explainLogLine } from "./trace.ts";
import { TypeCheck } from "./type_check.ts";
import { awaitTrial, explainWhy, sendBundle, type UpdateEvent } from "./update.ts";
import type { Shown } from "./update_view.ts";

/** Between questions about the trial, once the device is back. */
const ASK_EVERY_MS = 200;

export interface DevOptions {
  device: NetworkDevice;
  profile: string;
  compiler: Compiler;
  /** The checkout with the sources. */
  root: string;
  /** The artifact store, when it is another than this checkout's. */
  store?: string | undefined;
  changeProfile: boolean;
  typeCheck: boolean;
  /** For the end of a trial. */
  timeoutMs: number;
  show: Shown;
  /** Hears of every step. */
  onEvent?: (event: UpdateEvent) => void;
}

/** Follows the sources until `signal`. What is wrong with sources or the device is shown, and the next save tried. */
export async function develop(options: DevOptions, signal: AbortSignal): Promise<void> {
  const { device, root, show } = options;
  const sources = new SourceWatch(root, ["device", "profiles"]);
  const types = new TypeCheck();
  device.access.onLog = (line) => show.line({ event: "log", line }, `  ${pc.dim("log")} ${explainLogLine(line)}`);
  const check = () => {
    if (!options.typeCheck) return;
    types.start(root, (errors) => show.line({ event: "types", errors }, errors === "" ? "types are right" : errors));
  };
  /** What runs was brought here by restarting the program alone. */
  let unproven = false;
  const next = async () => {
    unproven = (await round(options, signal)) ?? unproven;
  };
  try {
    check();
    await next();
    for (;;) {
      show.line({ event: "watching", pid: process.pid }, pc.dim("watching the sources; Ctrl-C ends"));
      const file = await sources.next(signal);
      if (file === undefined) break;
      show.line({ event: "saved", file }, `${file} was saved`);
      check();
      await next();
    }
    if (!unproven) return;
    const hint = `its chip was not reset for it: \`bun run otacmd ${device.name} reboot\` shows that it comes up from a reset as well`;
    show.line({ event: "ended", reset: false }, `${device.name} keeps the last program; ${hint}`);
  } finally {
    sources.close();
    types.stop();
  }
}

/** True when the device runs what was brought, false when it went back, undefined when nothing has changed. */
async function round(options: DevOptions, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    return await bring(options, signal);
  } catch (thrown) {
    if (!(thrown instanceof UserError)) throw thrown;
    options.show.line({ event: "failed", why: thrown.message }, pc.red(thrown.message));
    return undefined;
  }
}

async function bring(options: DevOptions, signal: AbortSignal): Promise<boolean | undefined> {
  const { device, profile, root, store, show, changeProfile } = options;
  const beganMs = performance.now();
  const { bundle, name } = await compileBundle(options.compiler, { profile, root, store });
  const seconds = secondsSince(beganMs);
  show.line({ event: "built", bundle: name, seconds }, `built bundle ${name} in ${seconds} s`);
  const tell = (event: UpdateEvent) => {
    if (event.event === "restarting") device.access.online = undefined; // what it says from here on is the new program
    options.onEvent?.(event);
    if (event.event !== "progress" && event.event !== "connected") show.event(event);
  };
  const open = () => device.openLink();
  if (!(await sendBundle({ bundle, open, onEvent: tell, changeProfile, programOnly: true }))) return undefined;
  const endMs = performance.now() + options.timeoutMs;
  const outcome = await awaitTrial(device.access, {
    bundle: name,
    manual: device.manual,
    timeoutMs: options.timeoutMs,
    onEvent: tell,
    sleep: () => Bun.sleep(ASK_EVERY_MS),
    ready: async () => {
      await device.access.untilOnline(endMs - performance.now(), signal);
      if (signal.aborted) throw new UserError(`ended during the trial: ${device.name} decides by itself`);
    },
  });
  const took = secondsSince(beganMs);
  const why = outcome.result === "rolledBack" ? outcome.why : undefined;
  const exception = outcome.result === "rolledBack" ? explainException(outcome.exception, name) : undefined;
  const words = {
    confirmed: pc.green(`${device.name} runs ${name} and has confirmed it, ${took} s after the save`),
    trial: `${device.name} runs ${name} on trial: \`keepversion\` makes it permanent`,
    rolledBack: pc.red(
      `${device.name} took ${name} back: ${explainWhy(why ?? "")}${exception ? `\n${exception}` : ""}`,
    ),
    silent: pc.red(
      `${device.name} has not been heard since: it goes back by itself if the new program cannot be reached`,
    ),
  }[outcome.result];
  show.line({ event: "done", result: outcome.result, bundle: name, seconds: took, why, exception }, words);
  return outcome.result !== "rolledBack";
}
