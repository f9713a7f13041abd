// A scenario's stage on an emulated chip: the firmware that ESP-IDF built in QEMU, with the models that its UARTs reach, and a broker. Time
// is real.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { Air } from "../sim/air.ts";
import { SimBroker } from "../sim/broker.ts";
import { profileBundle } from "../sim/firmware.ts";
import { HostWorld } from "../sim/host_world.ts";
import { QemuMachine } from "../sim/qemu_machine.ts";
import { findQemu, meterUart, QEMU_HOST, QEMU_SSID, type QemuChip, qemuImage } from "../sim/qemu_program.ts";
import { partsOf } from "./parts.ts";
import type { Scenario } from "./scenario.ts";
import { configOf, NAME, SEED, traceDevice } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { actOnWorld } from "./world.ts";

/** The emulator shares this PC with whatever else runs on it. */
const LATE_MS = 3000;
/** For the first boot, in which flash is formatted, and the configuration over the serial link. */
const CONFIGURE_MS = 180_000;
/** Longer than any scenario that is played in real time. */
const LIMIT_MS = 2 * 3_600_000;

/** The device has its configuration, and its power is off. Throws UserError when QEMU or the image are not there, or the chip takes none. */
export async function qemuStage(chip: QemuChip, scenario: Scenario): Promise<Stage> {
  const program = await findQemu(chip);
  const image = qemuImage(chip);
  const folder = mkdtempSync(join(tmpdir(), "hearth-scenario-"));
  const world = new HostWorld(1, true);
  const broker = await SimBroker.start();
  const machine = new QemuMachine({ world, chip, program, image, flashDir: folder });
  const { board } = machine;
  const parts = partsOf(scenario.profile, board, meterUart(chip));
  const close = async () => {
    await world.stop();
    await machine.close();
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  };

  await machine.installBundle(await profileBundle(scenario.profile));
  const network = { ssid: QEMU_SSID, host: QEMU_HOST, port: broker.port };
  await machine.writeFile("config.txt", configOf(scenario, network));
  await machine.powerOn();
  // What it has noted while it had no configuration is forgotten.
  let clean = false;
  const stopCleaning = broker.observe((event) => {
    if (event.kind !== "publish" || event.client === undefined) return;
    if (event.topic.endsWith("/LWT")) void broker.publish(`cmnd/${NAME}/OTA`, "msg_rm");
    clean ||= Buffer.from(event.payload).toString() === "messages removed";
  });
  await world.until(() => clean || machine.failure !== undefined, CONFIGURE_MS);
  stopCleaning();
  await machine.powerCut();
  if (!clean) {
    const why = machine.failure ?? "it does not come to the broker";
    await close();
    throw new UserError(`The emulated ${chip} did not take its configuration: ${why}`);
  }

  const stage: Stage = {
    name: NAME,
    ip: undefined, // one of QEMU's own network, the same for every device
    board,
    picture: undefined,
    onTrace: () => {},
    lateMs: LATE_MS,
    get nowMs() {
      return world.clock.nowUs / 1000 - begunMs;
    },
    after: (ms, run) => void world.clock.after(ms * 1000, run),
    pass: (ms, run) => stage.after(ms, run),
    publish: (topic, payload, retain) => void broker.publish(topic, payload, retain),
    act: (line) =>
      actOnWorld(line, {
        board,
        parts,
        air: new Air(world.clock, SEED),
        peerParts: undefined,
        broker: (up) => void (up ? broker.resume() : broker.stop()),
        power: (on) => void (on ? machine.powerOn() : machine.powerCut()),
        reset: () => void machine.pressReset(),
        peerPower: () => {},
      }),
    play: async (ended) => {
      await machine.powerOn();
      await world.until(() => ended() || machine.failure !== undefined, LIMIT_MS);
    },
    close,
  };
  const begunMs = world.clock.nowUs / 1000;
  const published = traceDevice(stage, board);
  broker.observe((event) => {
    if (event.kind !== "publish" || event.client === undefined) return;
    const { topic, payload } = event;
    // As an act, for which the world's clock catches up with real time.
    world.act(() => published(topic, payload));
  });
  return stage;
}
