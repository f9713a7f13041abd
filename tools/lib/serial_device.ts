// A device on a serial port, as the serial commands see it: which port, opening a session, and going on when the cable was out. What is
// asked of the device is the command's.

import { type Command, Option } from "commander";
import { resetToProgram } from "./board_reset.ts";
import { UsageError, UserError } from "./errors.ts";
import { LinkClient } from "./link_client.ts";
import { LinkError } from "./link_error.ts";
import { FAULTS, LinkFault } from "./link_faults.ts";
import { SerialChannel } from "./serial_channel.ts";
import { BAUD, listPorts, openPort, type SerialPort } from "./serial_port.ts";
import { setting } from "./settings.ts";

/** How long a tool waits for a port that has gone. */
export const BACK_MS = 30_000;
const LOOK_MS = 500;
/** How often a command goes on after its port has gone. */
export const PULLS_MAX = 5;

export interface SerialOptions {
  port?: string;
  baud: string;
  reset?: boolean;
  fault?: string;
  json?: boolean;
}

/** Gives a command the options that all serial commands have. */
export function withSerialOptions(program: Command): Command {
  return program
    .option(
      "--port <path>",
      "the serial port (default: SERIAL_PORT from the environment or .env, else the only one there is)",
    )
    .option("--baud <n>", "its speed", String(BAUD))
    .option("--reset", "restart the board by its modem lines first")
    .option("--json", "one JSON object per line and event");
}

/** For the commands that send: misbehaviour on purpose. */
export function withFaultOption(program: Command): Command {
  return program.addOption(
    new Option("--fault <name>", "misbehave once, to see what the device does").choices(Object.keys(FAULTS)),
  );
}

/** The port to use. Throws UserError when it is not clear which one. */
export function choosePort(given: string | undefined, list: () => string[] = listPorts): string {
  const named = given ?? setting("SERIAL_PORT");
  if (named !== undefined) return named;
  const ports = list();
  if (ports.length === 1) return ports[0] as string;
  throw new UserError(
    ports.length === 0
      ? "no serial port is there: plug the board in, or name its port with --port or SERIAL_PORT"
      : `there are ${ports.length} serial ports (${ports.join(", ")}): name one with --port or SERIAL_PORT`,
  );
}

/** Throws UsageError. */
export function parseBaud(text: string): number {
  const baud = Number(text);
  if (!(Number.isInteger(baud) && baud > 0)) throw new UsageError(`--baud ${text}: a number like ${BAUD}`);
  return baud;
}

/** Opens a port that may have gone, as soon as it is there again. Throws UserError after `timeoutMs`. */
export async function reopenPort(path: string, baud: number, timeoutMs = BACK_MS): Promise<SerialPort> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await openPort(path, baud);
    } catch (thrown) {
      if (performance.now() > endMs) throw thrown;
      await Bun.sleep(LOOK_MS);
    }
  }
}

export class SerialDevice {
  readonly path: string;
  /** What was asked for with --fault. */
  readonly fault: LinkFault | undefined;
  /** Of the session that was opened last. */
  channel: SerialChannel | undefined;
  readonly #baud: number;
  readonly #tell: (line: string) => void;
  #resets: boolean;
  #opened = false;

  /** `tell` is handed what a person should know meanwhile. */
  constructor(options: SerialOptions, tell: (line: string) => void) {
    this.#baud = parseBaud(options.baud);
    this.fault = options.fault === undefined ? undefined : new LinkFault(options.fault);
    this.path = choosePort(options.port);
    this.#tell = tell;
    this.#resets = options.reset === true;
  }

  /** Opens a session; after the first one it waits for a port that has gone. Throws UserError. */
  async open(): Promise<LinkClient> {
    const port = this.#opened ? await reopenPort(this.path, this.#baud) : await openPort(this.path, this.#baud);
    this.#opened = true;
    if (this.#resets) await resetToProgram(port);
    this.#resets = false;
    this.channel = new SerialChannel(this.fault?.wire(port) ?? port);
    return LinkClient.greet(this.channel, { fault: this.fault });
  }

  /** Does `work` in a session; after a cable that was pulled once more, so `work` must go on by itself where it was. */
  async session<Value>(work: (client: LinkClient) => Promise<Value>): Promise<Value> {
    for (let pulls = 0; ; pulls++) {
      try {
        const client = await this.open();
        try {
          return await work(client);
        } finally {
          client.close();
        }
      } catch (thrown) {
        const gone = thrown instanceof LinkError && thrown.kind === "closed";
        if (!gone || this.fault !== undefined || pulls === PULLS_MAX) throw thrown;
        this.#tell(`${thrown.message}; waiting up to ${BACK_MS / 1000} s for ${this.path}`);
      }
    }
  }
}
