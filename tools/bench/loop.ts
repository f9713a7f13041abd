// Part `loop`: how many MQTT messages a second pass through the device's loop, and how long one takes to its answer.

import { measuredDevice, NAME } from "./device.ts";
import { Feeder, publication } from "./feeder.ts";
import { type Part, quantile } from "./figure.ts";

const MESSAGES = 20_000;
const ANSWERS = 2000;
const CONNECT_LIMIT_MS = 120_000;
const ANSWER_LIMIT_MS = 20_000;

export const loopPart: Part = {
  name: "loop",
  title: "messages a second through the loop",
  async *measure(say) {
    const feeder = await Feeder.start();
    const broker = { host: "127.0.0.1", port: feeder.port };
    const device = await measuredDevice({ profile: "energy", broker }).catch(async (thrown) => {
      await feeder.close(); // it would keep the process alive
      throw thrown;
    });
    const { machine, world } = device.bench;
    let answered: (payload: string) => void = () => {};
    let online = false;
    feeder.onPublish = (topic, payload) => {
      if (topic === `stat/${NAME}/LWT`) online = true;
      if (topic === `stat/${NAME}/Log`) answered(payload);
    };
    const answer = () =>
      new Promise<string>((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no answer in ${ANSWER_LIMIT_MS / 1000} s; resets: ${machine.resets.join(", ")}`)),
          ANSWER_LIMIT_MS,
        );
        answered = (payload) => {
          clearTimeout(timer);
          resolve(payload);
        };
      });
    try {
      await machine.powerOn();
      if (!(await world.until(() => online, CONNECT_LIMIT_MS))) throw new Error("the device did not connect");
      world.setPace(1);
      // What the device says after connecting is not an answer.
      await Bun.sleep(50);

      say(`loop: ${MESSAGES} messages`);
      const message = publication(`cmnd/${NAME}/Ticker`, "off");
      const question = publication(`cmnd/${NAME}/OTA`, "msg_exception");
      const flood = Buffer.concat([...Array<Uint8Array>(MESSAGES).fill(message), question]);
      let beganMs = performance.now();
      let done = answer();
      feeder.send(flood);
      await done;
      yield {
        key: "loop.messagesPerSecond",
        value: Math.round((MESSAGES / (performance.now() - beganMs)) * 1000),
        unit: "1/s",
        method: `${MESSAGES} commands (QoS 0) from the broker's socket to their handler, host firmware`,
        better: "higher",
      };

      say(`loop: ${ANSWERS} answers`);
      const tookUs: number[] = [];
      for (let count = 0; count < ANSWERS; count++) {
        beganMs = performance.now();
        done = answer();
        feeder.send(question);
        await done;
        tookUs.push((performance.now() - beganMs) * 1000);
      }
      for (const [name, q] of [
        ["answerP50Us", 0.5],
        ["answerP99Us", 0.99],
      ] as const) {
        yield {
          key: `loop.${name}`,
          value: Math.round(quantile(tookUs, q)),
          unit: "us",
          method: `command on the broker's socket to the device's answer there, one at a time, ${q * 100} % of ${ANSWERS}`,
          better: "lower",
        };
      }
    } finally {
      await device.close();
      await feeder.close();
    }
  },
};
