// Part `mail`: an update of the battery scale over ESP-NOW, with both programs on chips in memory: virtual time and frames on the air.

import { BLOCK_BYTES } from "../../device/mail_codec.ts";
import { BLOCKS_PER_WAKE } from "../../device/mail_taker.ts";
import { HEADER_BYTES } from "../lib/bundle.ts";
import { buildBundle } from "../lib/native_build.ts";
import { bundleOf, MailHouse, nameOf } from "../sim/mail_house.ts";
import { scriptProgram } from "../sim/memory_native.ts";
import { profileScript } from "../sim/program.ts";
import type { Part } from "./figure.ts";

const LIMIT_MS = 24 * 3_600_000;

export const mailPart: Part = {
  name: "mail",
  title: "time and frames of an update over ESP-NOW",
  async *measure(say) {
    // As large as the scale's real bundle.
    const bodyBytes = (await buildBundle({ profile: "scale_sensor" })).bundle.length - HEADER_BYTES;
    const [manager, sensor] = [await profileScript("scale_manager"), await profileScript("scale_sensor")];
    for (const percent of [0, 30]) {
      say(`mail: an update with ${percent} % loss`);
      const house = new MailHouse(scriptProgram(manager), sensor, percent / 100);
      house.run(5 * 60_000);
      // The chip in memory runs scripts, which are longer than bytecode: one line of the program's length stands for it.
      const bundle = bundleOf(`throw new Error("measured");//${"x".repeat(bodyBytes - 30)}`);
      const frames = house.framesInAll();
      const beganUs = house.clock.nowUs;
      house.post(bundle);
      if (!house.until(() => house.report()?.rejected === nameOf(bundle), LIMIT_MS))
        throw new Error(`the update did not arrive in a day at ${percent} % loss`);
      const method = `${bodyBytes} bytes, left just after a wake-up of a device that sleeps for an hour, until it has run; at most ${BLOCKS_PER_WAKE} blocks of ${BLOCK_BYTES} bytes a wake-up; ${percent} % loss both ways, seed 1`;
      yield {
        key: `mail.loss${percent}.minutes`,
        value: Math.round((house.clock.nowUs - beganUs) / 6e6) / 10,
        unit: "min",
        method,
        better: "lower",
      };
      yield {
        key: `mail.loss${percent}.frames`,
        value: house.framesInAll() - frames,
        unit: "frames",
        method: "of both sides in that time, without beacons",
        better: "lower",
      };
    }
  },
};
