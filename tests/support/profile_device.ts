// A profile as a device: its main.ts with the whole framework on a chip in memory, a broker beside it, and what was published.

import { join } from "node:path";
import { bundleScript } from "../../tools/lib/bundler.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type Program } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { TinyBroker } from "../../tools/sim/tiny_broker.ts";

export const NAME = "Device";
const BROKER = "10.0.0.1";
const BASE = `ssid home\npassword secret\nmqttbroker ${BROKER}\nmqttname ${NAME}\nwatchdog 1\n`;

/** The profile's program from its sources as they are, so that coverage sees them. Its `native` is the global one while it runs: programs
 * made so can share a house. */
export function profileProgram(profile: string): Program {
  return moduleProgram(join(ROOT, "profiles", profile, "main.ts"));
}

/** The file `main` as a program. Of its modules only itself is evaluated anew at each boot: the others keep no state. */
export function moduleProgram(main: string): Program {
  return (native) => {
    const own: Native = {
      ...native,
      onTurn: (turn) =>
        native.onTurn(() => {
          setNative(own);
          return turn();
        }),
    };
    setNative(own);
    delete require.cache[main];
    require(main);
  };
}

function setNative(native: Native): void {
  (globalThis as { native?: Native }).native = native;
}

/** The text of its bundle. */
export async function profileScript(profile: string): Promise<string> {
  return (await bundleScript(join(ROOT, "profiles", profile, "main.ts"), ROOT)).code;
}

export class ProfileDevice {
  readonly board = new Board(new SimClock());
  readonly chip: MemoryChip;
  readonly broker: TinyBroker;
  /** Levels as the chip drove them: `pin=level`, from power-on, in order. */
  readonly pins: string[] = [];
  /** Publications on stat/NAME/..., without the LED's and the framework's own. */
  readonly #seen: { topic: string; payload: string; retain: boolean; atMs: number }[] = [];

  /** Not powered yet. `tokens` are config lines behind the usual ones. */
  constructor(program: Program, tokens = "", prepare: (device: ProfileDevice) => void = () => {}) {
    this.board.network.ip = "10.0.0.2";
    const net = new MemoryNet(this.board.clock);
    this.broker = new TinyBroker(net, BROKER);
    this.chip = new MemoryChip({ board: this.board, net, program });
    this.chip.files.set("config.txt", new TextEncoder().encode(BASE + tokens));
    this.board.observe((event) => {
      if (event.kind === "pin") this.pins.push(`${event.pin}=${event.level}`);
    });
    this.broker.onPublish = ({ client, topic, payload, retain }) => {
      if (client === undefined || !topic.startsWith(`stat/${NAME}/`)) return;
      this.#seen.push({
        topic: topic.slice(`stat/${NAME}/`.length),
        payload: new TextDecoder().decode(payload),
        retain,
        atMs: this.nowMs,
      });
    };
    prepare(this);
  }

  /** Milliseconds since the simulation began. */
  get nowMs(): number {
    return Math.round(this.board.clock.nowUs / 1000);
  }

  /** Power on and so much time; 30 s suffice for a connection. */
  start(ms = 30_000): this {
    this.chip.start();
    this.chip.run(ms);
    return this;
  }

  run(ms: number): this {
    this.chip.run(ms);
    return this;
  }

  command(sub: string, payload: string): this {
    this.broker.publish(`cmnd/${NAME}/${sub}`, payload, false);
    this.chip.run(100);
    return this;
  }

  /** Payloads on one topic since the last look. */
  take(topic: string): string[] {
    return this.takeTimed(topic).map((each) => each.payload);
  }

  takeTimed(topic: string): { payload: string; retain: boolean; atMs: number }[] {
    const taken = this.#seen.filter((each) => each.topic === topic);
    for (const each of taken) this.#seen.splice(this.#seen.indexOf(each), 1);
    return taken;
  }
}
