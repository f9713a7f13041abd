// Plays scenarios on a machine and tells what came of each.

import { DeviceAccess } from "../lib/device_access.ts";
import { ANSWER_TIMEOUT_MS, deviceBroker } from "../lib/network_device.ts";
import { type Ability, type ChosenMachine, lackOf, QEMU_PROFILE } from "../sim/machines.ts";
import { boardStage } from "./board_stage.ts";
import { hostStage } from "./host_stage.ts";
import { type Played, play } from "./player.ts";
import { processStage } from "./process_stage.ts";
import { qemuStage } from "./qemu_stage.ts";
import { needsOf, type Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

export interface Outcome {
  scenario: string;
  verdict: "passed" | "failed" | "left out";
  /** What went wrong, or what the machine lacks. */
  why: string[];
  /** What could not be looked at. */
  unseen: Ability[];
  /** Seconds by the device's clock, and by ours. */
  deviceS: number;
  realS: number;
}

/** The profile that runs on a board; undefined on a machine that is made for each scenario. Throws UserError when the board does not answer. */
export async function profileOn(machine: ChosenMachine): Promise<string | undefined> {
  if (machine.kind !== "board") return undefined;
  const { name, url } = deviceBroker(machine.name, machine);
  const access = await DeviceAccess.connect(url, name);
  try {
    return (await access.version(ANSWER_TIMEOUT_MS)).profile;
  } finally {
    await access.close();
  }
}

/** Plays one. `profile`: what runs on the machine, if that is given. */
export async function outcomeOn(machine: ChosenMachine, scenario: Scenario, profile?: string): Promise<Outcome> {
  const { name } = scenario;
  const nothing = { scenario: name, unseen: [], deviceS: 0, realS: 0 };
  if (profile !== undefined && profile !== scenario.profile)
    return {
      ...nothing,
      verdict: "left out",
      why: [`it is about ${scenario.profile}, and ${machine.text} runs ${profile}`],
    };
  const lack = lackOf(machine, needsOf(scenario));
  if (lack !== undefined) return { ...nothing, verdict: "left out", why: [lack] };
  if (machine.kind === "qemu" && scenario.profile !== QEMU_PROFILE)
    return { ...nothing, verdict: "left out", why: [`${machine.text} has the parts of ${QEMU_PROFILE} only`] };
  const begunMs = performance.now();
  const { failures, unseen, ms } = await playOn(machine, scenario);
  return {
    scenario: name,
    verdict: failures.length === 0 ? "passed" : "failed",
    why: failures,
    unseen,
    deviceS: ms / 1000,
    realS: (performance.now() - begunMs) / 1000,
  };
}

/** The same with its trace; the machine has what the scenario needs. */
export async function playOn(machine: ChosenMachine, scenario: Scenario): Promise<Played> {
  const stage = await stageOn(machine, scenario);
  try {
    return await play(scenario, stage, machine.abilities);
  } finally {
    await stage.close();
  }
}

function stageOn(machine: ChosenMachine, scenario: Scenario): Promise<Stage> {
  switch (machine.kind) {
    case "process":
      return processStage(scenario);
    case "host":
      return hostStage(scenario);
    case "qemu":
      return qemuStage(machine.chip, scenario);
    case "board":
      return boardStage(machine.name, machine.broker);
  }
}
