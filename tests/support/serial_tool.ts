// The serial commands as a user starts them, against the host firmware at the other end of a cable made of pseudo terminals.

import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import type { BoardEvent } from "../../tools/sim/board.ts";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { Pty } from "../../tools/sim/pty.ts";
import { SerialCable } from "../../tools/sim/serial_cable.ts";

export interface ToolRun {
  code: number;
  out: string;
  err: string;
  /** The lines of --json. */
  events: Record<string, unknown>[];
}

export interface RunOptions {
  /** What comes out of a pipe, or the number of an open terminal. */
  stdin?: string | number;
  watch?: (out: string) => void;
}

export interface SerialTool {
  cable: SerialCable;
  /** A terminal for whoever sits at the tool; send it what they type. */
  keyboard: Pty;
  machine: HostMachine;
  /** Plugs the cable in again after `cable.unplug()`. */
  replug(): void;
  /** A folder of its own, removed at the end. */
  folder: string;
  /** What the device has logged, line by line. */
  log: string[];
  /** Runs tools/NAME.ts with the cable's port to its end; `watch` is handed all that it has printed whenever there is more. */
  run(name: string, args: string[], more?: RunOptions): Promise<ToolRun>;
  /** A file in the folder. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  /** A file on the device. */
  onDevice(name: string): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** A device with an empty chip, in real time, and its serial cable. The power is on. */
export async function serialTool(bundle?: Uint8Array): Promise<SerialTool> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-serial-"));
  const cable = new SerialCable();
  // A name that stays, as udev's are.
  const port = join(folder, "port");
  const link = () => {
    rmSync(port, { force: true });
    symlinkSync(cable.path ?? "", port);
  };
  link();
  const keyboard = new Pty();
  const world = new HostWorld(1);
  const machine = new HostMachine({
    world,
    firmware: await hostFirmware(),
    flashDir: join(folder, "flash"),
    seed: 1,
    args: ["--serial", cable.devicePath],
  });
  const log: string[] = [];
  machine.board.observe((event: BoardEvent) => {
    if (event.kind === "log") log.push(event.line);
  });
  if (bundle !== undefined) await machine.installBundle(bundle);
  await machine.powerOn();
  world.start();
  return {
    cable,
    keyboard,
    machine,
    folder,
    log,
    replug: () => {
      cable.plug();
      link();
    },
    run: (name, args, more = {}) => runTool(port, name, args, more),
    file: async (name, content) => {
      const path = join(folder, name);
      await Bun.write(path, content);
      return path;
    },
    onDevice: async (name) => {
      const file = Bun.file(join(folder, "flash", "files", name));
      return (await file.exists()) ? file.bytes() : undefined;
    },
    close: async () => {
      await world.stop();
      await machine.close();
      cable.close();
      keyboard.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function runTool(port: string, name: string, args: string[], { stdin, watch }: RunOptions): Promise<ToolRun> {
  const command = [process.execPath, join(ROOT, "tools", `${name}.ts`), ...args];
  const env = { ...process.env, NO_COLOR: "1", SERIAL_PORT: port };
  const child = Bun.spawn(command, {
    stdin: stdin === undefined ? "ignore" : typeof stdin === "number" ? stdin : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    env,
  });
  const err = new Response(child.stderr).text();
  let out = "";
  const text = new TextDecoder();
  for await (const piece of child.stdout) {
    out += text.decode(piece, { stream: true });
    watch?.(out);
  }
  const code = await child.exited;
  const json = args.includes("--json");
  const events = json
    ? out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { code, out, err: await err, events };
}
