// Part `latency`: from an MQTT command on the broker's socket to the pin, on the host firmware, idle and while an update is being received.
// Beside it belongs the same path of the old fleet's framework under its MicroPython: only what that does on the wire is known here, so there is no figure.

import { fitDisplay } from "../sim/fittings.ts";
import { measuredDevice, NAME, OTAKEY } from "./device.ts";
import { Feeder, publication } from "./feeder.ts";
import { type Part, quantile } from "./figure.ts";
import { BODY_BYTES, startSender } from "./sender.ts";

const COMMANDS = 10_000;
/** Between two commands: so that the display, which is drawn once a second, is refreshed often enough to be in the way of some. */
const GAP_MS = 1;
const CONNECT_LIMIT_MS = 120_000;
const PIN_LIMIT_MS = 20_000;
/** Of the relay profile's second relay, active low. */
const PIN = 26;

export const latencyPart: Part = {
  name: "latency",
  title: "time from a command to the pin",
  async *measure(say) {
    const feeder = await Feeder.start();
    const broker = { host: "127.0.0.1", port: feeder.port };
    const device = await measuredDevice({ profile: "relay", broker }).catch(async (thrown) => {
      await feeder.close(); // it would keep the process alive
      throw thrown;
    });
    const { machine, world } = device.bench;
    let online = false;
    let open = false;
    feeder.onPublish = (topic, payload) => {
      online ||= topic === `stat/${NAME}/LWT`;
      open ||= topic === `stat/${NAME}/OTA` && payload.startsWith("netstatus 3");
    };
    let drawn = 0;
    const display = fitDisplay(machine.board);
    const transfer = display.transfer.bind(display);
    display.transfer = (...transferred) => {
      drawn++;
      return transfer(...transferred);
    };
    let level = -1;
    let switched: () => void = () => {};
    machine.board.observe((event) => {
      if (event.kind !== "pin" || event.pin !== PIN || event.level === level) return;
      level = event.level;
      switched();
    });
    const turn = (on: boolean) => publication(`cmnd/${NAME}/1/TurnOnWithTimeout`, on ? "60" : "0");
    const commands = [turn(true), turn(false)] as const;
    let count = 0;
    const once = () =>
      new Promise<number>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("the pin did not follow the command")), PIN_LIMIT_MS);
        const beganMs = performance.now();
        switched = () => {
          clearTimeout(timer);
          resolve((performance.now() - beganMs) * 1000);
        };
        feeder.send(commands[count++ % 2 === 0 ? 0 : 1]);
      });
    try {
      await machine.powerOn();
      if (!(await world.until(() => online, CONNECT_LIMIT_MS))) throw new Error("the device did not connect");
      world.setPace(1);
      world.externalGraceMs = 0; // time is real: nobody waits for what the broker may still say
      await once();
      await once();
      for (const load of ["idle", "receiving"] as const) {
        let received = async () => Number.NaN;
        if (load === "receiving") {
          feeder.send(publication(`cmnd/${NAME}/OTA`, "open"));
          if (!(await world.until(() => open, CONNECT_LIMIT_MS))) throw new Error("the update port did not open");
          received = startSender(machine.address, OTAKEY);
        }
        say(`latency: ${COMMANDS} commands, ${load}`);
        drawn = 0;
        const tookUs: number[] = [];
        for (let each = 0; each < COMMANDS; each++) {
          tookUs.push(await once());
          await Bun.sleep(GAP_MS);
        }
        if ((await received()) === 0) throw new Error("nothing was received meanwhile");
        if (drawn === 0) throw new Error("the display was not refreshed meanwhile");
        for (const [name, q] of [
          ["P50Us", 0.5],
          ["P99Us", 0.99],
        ] as const) {
          yield {
            key: `latency.${load}${name}`,
            value: Math.round(quantile(tookUs, q)),
            unit: "us",
            method: `command on the broker's socket to the relay's pin at the board, ${GAP_MS} ms after the last, ${q * 100} % of ${COMMANDS}; the display is refreshed meanwhile${load === "idle" ? "" : ` and bundles of ${BODY_BYTES} bytes are received over the link, one after the other, from another process`}`,
            better: "lower",
          };
        }
      }
    } finally {
      await device.close();
      await feeder.close();
    }
  },
};
