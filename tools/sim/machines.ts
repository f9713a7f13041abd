// The machines that tests and scenarios run on, by the words a person uses for them, and what each can do for whoever tests it. How one is
// set up is tests/support's and tools/scenarios' part.

import { UsageError } from "../lib/errors.ts";
import { QEMU_CHIPS, type QemuChip } from "./qemu_program.ts";

/** What not every machine has. */
export const ABILITIES = {
  power: "the power can be cut",
  network: "the network around it can go away",
  networks: "networks of every kind are around it, and its way into one is seen",
  broker: "the broker is ours: it can fail",
  resets: "the reasons of its resets are seen",
  uart: "a model sits on its UART",
  buses: "models sit on its other buses",
  pins: "its pins are seen and driven",
  radio: "ESP-NOW, with others on the air",
  sleep: "deep sleep",
  setup: "it can be given a bundle and a configuration for the occasion",
  store: "what is stored on the chip is seen, and can be put there",
  link: "the update link over TCP",
  serial: "a serial port for the tools",
  faults: "it can be made to crash, to hang and to lose power at one operation",
  time: "its time is virtual: an hour passes in a second",
} as const;
export type Ability = keyof typeof ABILITIES;

const CHIPS = Object.keys(QEMU_CHIPS) as QemuChip[];

/** `process`: in this process, in memory. `host`: the host firmware. `qemu`: an emulated chip. `board`: whatever answers on a broker. */
export type MachineKind =
  | { kind: "process" | "host" }
  | { kind: "qemu"; chip: QemuChip }
  | ({ kind: "board" /** Its mqttname, or the name of its file in devices/. */; name: string } & BoardReach);

/** How a board is reached, where that is not what the settings and its file tell. */
export interface BoardReach {
  /** Its serial port on this PC. */
  port?: string | undefined;
  /** mqtt://[user:password@]host[:port] */
  broker?: string | undefined;
}

/** A machine as it was asked for, and what it can do. */
export type ChosenMachine = MachineKind & { readonly text: string; readonly abilities: ReadonlySet<Ability> };

const EVERYTHING = Object.keys(ABILITIES) as Ability[];

const HAS: Record<MachineKind["kind"], readonly Ability[]> = {
  process: EVERYTHING.filter((each) => !["link", "serial", "faults"].includes(each)),
  host: EVERYTHING,
  qemu: ["power", "network", "broker", "resets", "uart", "setup", "link"],
  board: ["link"],
};

/** The one profile whose parts are around an emulated chip: it has UARTs and Ethernet. */
export const QEMU_PROFILE = "energy";

/** The machine that `text` names: process, host, qemu, qemu:CHIP or board:NAME. Throws UsageError for anything else. */
export function chooseMachine(text: string, reach: BoardReach = {}): ChosenMachine {
  const machine = machineOf(text, reach);
  if (machine === undefined)
    throw new UsageError(`${text} is no machine: process, host, qemu, qemu:${CHIPS.join("|")}, or board:NAME`);
  const abilities = new Set(HAS[machine.kind]);
  if (machine.kind === "board" && machine.port !== undefined) abilities.add("serial");
  return { ...machine, text, abilities };
}

function machineOf(text: string, reach: BoardReach): MachineKind | undefined {
  if (text === "process" || text === "host") return { kind: text };
  if (text === "qemu") return { kind: "qemu", chip: "esp32" };
  const [kind, ...rest] = text.split(":");
  const argument = rest.join(":");
  const chip = CHIPS.find((each) => each === argument);
  if (kind === "qemu" && chip !== undefined) return { kind, chip };
  if (kind === "board" && /^[^+#/]+$/.test(argument)) return { kind, name: argument, ...reach };
  return undefined;
}

/** What of `needs` the machine has not, in words; undefined when it has everything. */
export function lackOf(machine: ChosenMachine, needs: Iterable<Ability>): string | undefined {
  const lacks = [...new Set(needs)].filter((each) => !machine.abilities.has(each));
  if (lacks.length === 0) return undefined;
  return `${machine.text} has no ${lacks.map((each) => `${each} (${ABILITIES[each]})`).join(", no ")}`;
}
