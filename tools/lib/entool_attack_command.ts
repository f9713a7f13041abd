// The command `attack` of entool: its options, and what it tells of the result. Attacks are entool_attack.ts.

import { progress } from "./cli.ts";
import { brokerAddress } from "./device_access.ts";
import { kindOfFrame, numberOf } from "./entool_air.ts";
import { ATTACKS, type AttackResult, attack } from "./entool_attack.ts";
import { type KeyOptions, keysOf } from "./entool_keys.ts";
import { CentralStats } from "./entool_stats.ts";
import { UsageError } from "./errors.ts";
import { setting } from "./settings.ts";

export interface AttackCommand extends KeyOptions {
  air: string;
  for: string;
  frames?: string;
  wait: string;
  reboot?: string[];
  central?: string;
  broker?: string;
}

/** True when it succeeded: a frame was taken twice, or answered. */
export async function runAttack(kind: string, options: AttackCommand): Promise<boolean> {
  const known = ATTACKS.find((each) => each === kind);
  if (known === undefined) throw new UsageError(`attack ${kind}: one of ${ATTACKS.join(", ")}`);
  for (const mac of options.reboot ?? [])
    if (!/^[0-9a-f]{12}$/.test(mac)) throw new UsageError(`--reboot ${mac}: 12 lower-case hex digits`);
  const keys = keysOf(options);
  const recordMs = numberOf("--for", options.for, 0, 86_400) * 1000;
  const waitMs = numberOf("--wait", options.wait, 0, 86_400) * 1000;
  const frames = options.frames === undefined ? undefined : numberOf("--frames", options.frames, 1, 1000);
  const stats =
    options.central === undefined
      ? undefined
      : await CentralStats.connect(brokerAddress(options.broker ?? setting("MQTT_URL")), options.central);
  try {
    const result = await attack(known, {
      folder: options.air,
      recordMs,
      frames,
      waitMs,
      reboot: options.reboot ?? [],
      kindOf: (frame) => kindOfFrame(keys, frame.bytes),
      counts: stats === undefined ? undefined : () => stats.read(),
      say: progress,
    });
    tellAttack(kind, result, options.json === true);
    return result.answers > 0 || (result.acceptedTwice ?? 0) > 0;
  } finally {
    await stats?.close();
  }
}

function tellAttack(kind: string, result: AttackResult, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ attack: kind, ...result }));
    return;
  }
  const { recorded, sent, rebooted, own, answers, counts, acceptedTwice } = result;
  console.log(
    `${kind}: ${sent} frames said, of ${recorded} heard${rebooted.length > 0 ? `, after a restart of ${rebooted.join(", ")}` : ""}`,
  );
  console.log(`the devices' own frames meanwhile: ${own}; answers beyond theirs: ${answers}`);
  if (counts === undefined) {
    console.log("what the central took is not known: give --central");
    return;
  }
  const refusals = Object.entries(counts).filter(([reason]) => reason !== "accepted");
  console.log(`the central refused ${refusals.map(([reason, count]) => `${count} as ${reason}`).join(", ") || "none"}`);
  console.log(`it took ${counts["accepted"] ?? 0}, ${acceptedTwice} of them twice`);
}
