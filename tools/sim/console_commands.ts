// The commands that a person types while `bun run sim` runs: reading a line, and what it does to the bench.

import { AIR_HELP, type AirChange, parseAir } from "./air_settings.ts";
import type { Bench } from "./bench.ts";
import { hasRadio, isPeripheral, shortName } from "./cast.ts";
import type { BenchMachine } from "./machine.ts";
import { PZEM_FAULTS, type PzemFault } from "./models/pzem.ts";
import type { FaultyPart, Surroundings } from "./surroundings.ts";

const METER_HELP = `v 231.5            voltage of the mains; "v auto" follows the household again
w 1200             load in watts; "w auto"
fault KIND         the meter: ${PZEM_FAULTS.join(", ")}`;
const AIR_COMMAND_HELP = `air loss=30,...    the air of ESP-NOW: ${AIR_HELP}`;
const BATTERY_HELP = "battery empty|full  of the device that has no network";
const COMMON_HELP = `wifi off|on        the access point
broker off|on      the embedded broker; "broker mute" accepts and never answers
reset              presses the reset button
power              cuts the power and gives it back; "power off", "power on"
pin N 0|1          drives an input pin
ota WORD           publishes cmnd/NAME/OTA WORD (open, commit, reboot, getversion, stats, ...)
cmd TOPIC PAYLOAD  publishes anything; a TOPIC without / is cmnd/NAME/TOPIC
h                  this help
q                  ends`;

/** A device on the bench and what is around it, unless it is the energy meter. */
export interface SimDevice {
  name: string;
  profile: string;
  machine: BenchMachine;
  around: Surroundings | undefined;
}

export interface ConsoleContext {
  /** A word in front of a command says which one is meant; without it the one that knows the command, else the first. */
  devices: SimDevice[];
  bench: Bench<BenchMachine>;
  name: string;
  publish: (topic: string, payload: string) => void;
  say: (line: string) => void;
  /** Prints lines as they are. */
  show: (lines: string[]) => void;
  quit: () => void;
}

/** Carries one line out. Throws an Error whose message tells the person what is wrong with it. */
export async function carryOut(line: string, context: ConsoleContext): Promise<void> {
  const words = line.trim().split(/\s+/);
  const { bench, name, say, devices } = context;
  const named = devices.find((each) => shortName(each.profile) === words[0]);
  const meant = named === undefined ? devices : [named];
  const [word = "", ...rest] = named === undefined ? words : words.slice(1);
  const argument = rest[0] ?? "";
  for (const { around } of meant) if (around !== undefined && (await perform(around, word, argument, context))) return;
  const { machine, profile } = meant[0] as SimDevice;
  switch (word) {
    case "":
      return;
    case "h":
    case "help":
    case "?":
      return say(helpOf(context));
    case "look":
      for (const { around } of meant) context.show(around?.look() ?? []);
      return;
    case "air":
      applyAir(parseAir(argument), bench);
      return say(`the air has ${argument}`);
    case "battery": {
      const battery = meant.find((each) => isPeripheral(each.profile));
      if (battery === undefined) throw new Error("no device here has one");
      if (argument !== "empty" && argument !== "full") throw new Error("battery takes empty or full");
      await (argument === "empty" ? battery.machine.powerCut() : battery.machine.powerOn());
      return say(`the battery of ${shortName(battery.profile)} is ${argument}`);
    }
    case "q":
    case "quit":
      return context.quit();
    case "v": {
      const volts = numberOrAuto(argument, 0, 400);
      bench.household.fixedVolts = volts;
      return say(volts === undefined ? "the voltage follows the household" : `the mains have ${volts} V`);
    }
    case "w": {
      const watts = numberOrAuto(argument, 0, 23000);
      bench.household.fixedWatts = watts;
      return say(watts === undefined ? "the load follows the household" : `the load is ${watts} W`);
    }
    case "fault":
      if (meant[0]?.profile !== "energy") {
        return breakPart(
          argument,
          rest[1] ?? "",
          meant.flatMap((each) => each.around ?? []),
          context,
        );
      }
      if (!PZEM_FAULTS.includes(argument as PzemFault)) throw new Error(`fault takes one of ${PZEM_FAULTS.join(", ")}`);
      bench.meter.fault = argument as PzemFault;
      return say(argument === "none" ? "the meter answers properly" : `the meter's fault is: ${argument}`);
    case "wifi": {
      const on = onOff(argument);
      say(`the access point is ${argument}`);
      return bench.world.act(() => bench.machine.board.setNetwork(on));
    }
    case "broker":
      return brokerSwitch(argument, context);
    case "reset":
      return machine.pressReset();
    case "power":
      if (argument !== "" && argument !== "on" && argument !== "off") throw new Error("power takes off, on or nothing");
      if (argument !== "on") await machine.powerCut();
      if (argument !== "off") await machine.powerOn();
      return say(
        `the power ${devices.length > 1 ? `of ${shortName(profile)} ` : ""}is ${argument === "" ? "back" : argument}`,
      );
    case "pin": {
      const pin = Number(argument);
      const level = Number(rest[1]);
      if (!Number.isInteger(pin) || (level !== 0 && level !== 1)) throw new Error("pin takes a number and 0 or 1");
      say(`pin ${pin} is driven to ${level}`);
      return bench.world.act(() => machine.board.drive(pin, level));
    }
    case "ota":
      if (argument === "") throw new Error("ota takes a word, e.g. getversion");
      return context.publish(`cmnd/${name}/OTA`, rest.join(" "));
    case "cmd":
      if (argument === "") throw new Error("cmd takes a topic and a payload");
      return context.publish(argument.includes("/") ? argument : `cmnd/${name}/${argument}`, rest.slice(1).join(" "));
    default:
      throw new Error(`"${word}" is not a command; h lists them`);
  }
}

function helpOf({ devices }: ConsoleContext): string {
  const around = devices.flatMap(({ around }) => (around === undefined ? [] : [around.help, ...faultHelp(around)]));
  const own = around.length > 0 ? [...around, "look               what is to be seen there"] : [];
  const radio = devices.some((each) => hasRadio(each.profile));
  const battery = devices.some((each) => isPeripheral(each.profile));
  const several = `${devices.map((each) => shortName(each.profile)).join(", ")} in front of reset, power or pin says which one`;
  return [
    ...(own.length === 0 && !radio ? [METER_HELP] : own),
    ...(radio ? [AIR_COMMAND_HELP] : []),
    ...(battery ? [BATTERY_HELP] : []),
    COMMON_HELP,
    ...(devices.length > 1 ? [several] : []),
  ].join("\n");
}

/** Settings of the air; a channel is that of the access point, which goes away for a second. */
export function applyAir({ settings, channel, seed }: AirChange, bench: Bench<BenchMachine>): void {
  Object.assign(bench.air.settings, settings);
  if (seed !== undefined) bench.air.seed = seed;
  if (channel === undefined) return;
  const { board } = bench.machine;
  bench.world.act(() => {
    board.network.channel = channel;
    if (!bench.machine.powered) return;
    board.setNetwork(false);
    board.clock.after(1_000_000, () => board.setNetwork(true));
  });
}

function faultHelp({ parts }: Surroundings): string[] {
  return Object.entries(parts).map(([name, { kinds }]) => `${`fault ${name} KIND`.padEnd(19)}${kinds.join(", ")}`);
}

/** Makes a part of one of these surroundings fail, or work again. */
function breakPart(name: string, kind: string, around: readonly Surroundings[], { bench, say }: ConsoleContext) {
  const parts = Object.assign({}, ...around.map((each) => each.parts)) as Record<string, FaultyPart>;
  const part = parts[name];
  const names = Object.keys(parts);
  if (part === undefined) throw new Error(names.length > 0 ? `parts are: ${names.join(", ")}` : "no part can fail");
  if (!part.kinds.includes(kind)) throw new Error(`fault ${name} takes one of ${part.kinds.join(", ")}`);
  say(`${name}: ${kind === part.kinds[0] ? "no fault" : kind}`);
  bench.world.act(() => part.fail(kind));
}

/** True when the surroundings have such a command. The world's acts come when the device has paused. */
function perform(
  around: Surroundings,
  word: string,
  argument: string,
  { bench, say }: ConsoleContext,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    bench.world.act(() => {
      try {
        const told = around.command(word, argument);
        if (told !== undefined) say(told);
        resolve(told !== undefined);
      } catch (thrown) {
        reject(thrown);
      }
    });
  });
}

async function brokerSwitch(argument: string, { bench, say }: ConsoleContext): Promise<void> {
  const broker = bench.broker;
  if (broker === undefined) throw new Error("the broker is not the embedded one");
  if (argument === "mute") {
    broker.mute = true;
    broker.dropClients();
    return say("the broker accepts connections and says nothing");
  }
  const on = onOff(argument);
  broker.mute = false;
  // What was accepted while it was mute will never be answered.
  broker.dropClients();
  if (on) await broker.resume();
  else await broker.stop();
  say(`the broker is ${argument}`);
}

function onOff(text: string): boolean {
  if (text !== "on" && text !== "off") throw new Error(`"${text}" is neither on nor off`);
  return text === "on";
}

function numberOrAuto(text: string, min: number, max: number): number | undefined {
  if (text === "auto") return undefined;
  const value = text === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) throw new Error(`takes a number from ${min} to ${max}, or "auto"`);
  return value;
}
