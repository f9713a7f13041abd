// Many energy meters on one broker, each on the host firmware with a file in a devices folder, and `bun run ota --all` as a user starts it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceAccess, type DeviceVersion } from "../../tools/lib/device_access.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { uniqueIdOf } from "../../tools/sim/bench.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";

/** Device seconds per real second: bytes of the link are not seen by the scheduler, and the tool has to keep up on a busy PC. */
export const FLEET_PACE = 2;
const LIMIT_MS = 900_000;
const ANSWER_MS = 30_000;

export interface FleetDevice {
  group?: string;
  /** Default: the energy profile's. */
  bundle?: Uint8Array;
  /** Path of the program that is flashed; default: this checkout's. */
  firmware?: string;
}

export interface FleetRun {
  code: number;
  /** By device. */
  results: Record<string, string>;
  details: Record<string, string>;
  counts: Record<string, number>;
  err: string;
}

export class FleetBench {
  readonly folder = mkdtempSync(join(tmpdir(), "hearth-fleet-"));
  readonly world = new HostWorld(FLEET_PACE);
  readonly machines = new Map<string, HostMachine>();
  /** Devices that have told the broker since they were switched on. */
  readonly #online = new Set<string>();

  private constructor(readonly broker: SimBroker) {
    broker.onTraffic = () => this.world.noteTraffic();
    broker.onSent = (address) => this.world.noteSent(address);
    broker.observe((event) => {
      if (event.kind !== "publish" || !event.topic.endsWith("/LWT")) return;
      if (Buffer.from(event.payload).toString() === "online") this.#online.add(event.topic.split("/")[1] as string);
    });
  }

  static async make(): Promise<FleetBench> {
    return new FleetBench(await SimBroker.start());
  }

  /** A device with its file; the power is off. */
  async add(name: string, { group, bundle, firmware }: FleetDevice = {}): Promise<HostMachine> {
    const seed = this.machines.size;
    const machine = new HostMachine({
      world: this.world,
      firmware: firmware ?? (await hostFirmware()),
      flashDir: join(this.folder, "flash", name),
      uniqueId: uniqueIdOf(name),
      seed,
    });
    await machine.installBundle(bundle ?? (await profileBundle("energy")));
    const config = await this.file(name, group);
    await machine.writeFile("config.txt", config);
    this.machines.set(name, machine);
    return machine;
  }

  /** The file of a device, which need not be there; returns its text. */
  async file(name: string, ...groups: (string | undefined)[]): Promise<string> {
    const head = groups.map((group) => (group === undefined ? "" : `#group ${group}\n`)).join("");
    const key = Bun.SHA256.hash(name, "hex");
    const text = `${head}#profile energy\nssid simulated\npassword simulated\nmqttbroker 127.0.0.1\nmqttport ${this.broker.port}\nmqttname ${name}\nwatchdog 1\notakey ${key}\n`;
    await Bun.write(join(this.folder, "devices", `${name}.txt`), text);
    return text;
  }

  /** Switches them on; true when all of them have come to the broker. Time then goes on at FLEET_PACE. */
  async powerOn(names: readonly string[] = [...this.machines.keys()]): Promise<boolean> {
    for (const name of names) this.#online.delete(name);
    this.world.setPace("fast");
    for (const name of names) await this.machines.get(name)?.powerOn();
    const all = await this.world.until(() => names.every((name) => this.#online.has(name)), LIMIT_MS);
    this.world.setPace(FLEET_PACE);
    return all;
  }

  /** Runs the command to its end; `decided` is told how many devices have a result whenever one more has. */
  async ota(args: readonly string[], decided: (count: number) => void = () => {}): Promise<FleetRun> {
    const env = { ...process.env, NO_COLOR: "1", MQTT_URL: "", HEARTH_DEVICES: join(this.folder, "devices") };
    const command = [process.execPath, join(ROOT, "tools", "ota.ts"), "--json", ...args];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
    const err = new Response(child.stderr).text();
    const run: FleetRun = { code: 0, results: {}, details: {}, counts: {}, err: "" };
    const take = (line: string): void => {
      const event = JSON.parse(line);
      if (event.event === "done") run.counts = event.counts;
      if (event.event !== "device" || event.result === undefined) return;
      run.results[event.name] = event.result;
      run.details[event.name] = event.detail;
      decided(Object.keys(run.results).length);
    };
    let rest = "";
    const text = new TextDecoder();
    for await (const piece of child.stdout) {
      const lines = (rest + text.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) take(line);
    }
    return { ...run, code: await child.exited, err: await err };
  }

  /** What a device says that it runs. */
  async version(name: string): Promise<DeviceVersion> {
    const access = await DeviceAccess.connect(this.broker.url, name);
    return access.version(ANSWER_MS).finally(() => access.close());
  }

  /** Restarts of each device so far. */
  resets(): Record<string, number> {
    return Object.fromEntries([...this.machines].map(([name, machine]) => [name, machine.resets.length]));
  }

  async close(): Promise<void> {
    await this.world.stop();
    for (const machine of this.machines.values()) await machine.close();
    await this.broker.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
