// The device's side of firmware and configuration on trial: what the link puts in force, what proves it, and what brings the old one back.

import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Link } from "../../device/link.ts";
import { FIRMWARE_BYTES_MAX, FIRMWARE_STATE } from "../../tools/sim/memory_trials.ts";
import { pattern } from "../support/link_bench.ts";
import { CONFIG, House } from "./support.ts";

const NEW_CONFIG = CONFIG.replace("mqttname Meter", "mqttname Meter\nmqttuser sixteen");

const text = (value: string) => Buffer.from(value);
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const frame = (type: number, id: number, ...body: Uint8Array[]) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(type, id >> 8, id & 255), ...body]));
const answerOf = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? "" : Buffer.from(bytes.subarray(bytes[0] === 0xff ? 4 : 3)).toString();
const putFirmware = (image: Uint8Array, machine = "memory") =>
  frame(0x14, 7, u32(image.length), sha256(image), text(machine));

function connected(config = CONFIG): House {
  return new House(undefined, config).boot(30_000);
}

function link(): { link: Link; refusals: string[] } {
  const refusals: string[] = [];
  return { link: new Link("meter", (why) => refusals.push(why)), refusals };
}

/** Puts a whole image or file; the answer to the commit. */
function send(to: Link, put: Uint8Array, content: Uint8Array, from = 0): string {
  const opened = answerOf(to.handle(put));
  if (!opened.startsWith("{")) return opened;
  for (let at = from; at < content.length; at += 2048)
    to.handle(frame(0x12, 7, u32(at), content.subarray(at, at + 2048)));
  return answerOf(to.handle(frame(0x13, 8)));
}

function sendConfig(content = NEW_CONFIG, to = link().link): string {
  return send(to, frame(0x10, 7, u32(content.length), sha256(text(content)), text("config.txt")), text(content));
}

/** Restarts as asked; the new boot has begun when it returns. */
function reboot(house: House): void {
  house.command("reboot");
  house.chip.run(1000);
}

const configText = (house: House) => Buffer.from(house.chip.files.get("config.txt") ?? []).toString();

test("golden: put firmware", () => {
  connected();
  const image = text("abc");
  const answer = link().link.handle(putFirmware(image));
  expect(Buffer.from(answer as Uint8Array).toString("hex")).toBe(`810007${text('{"offset":0}').toString("hex")}`);
});

test("a firmware is refused for another machine, for its size, and while the running one is on trial", () => {
  const house = connected();
  const { link: one, refusals } = link();
  expect(send(one, putFirmware(pattern(100), "esp32"), pattern(100))).toBe("firmware for esp32 on a memory");
  const large = frame(0x14, 7, u32(FIRMWARE_BYTES_MAX + 1), new Uint8Array(32), text("memory"));
  expect(answerOf(one.handle(large))).toBe(
    `firmware of ${FIRMWARE_BYTES_MAX + 1} bytes, room for ${FIRMWARE_BYTES_MAX}`,
  );
  expect(answerOf(one.handle(frame(0x14, 7, u32(0), new Uint8Array(32))))).toBe("short put");
  house.chip.trials.images[0]!.state = FIRMWARE_STATE.pending;
  expect(answerOf(one.handle(putFirmware(pattern(100))))).toBe("the running firmware is on trial");
  expect(refusals.length).toBe(3);
  expect(answerOf(one.handle(frame(0x13, 8)))).toBe("nothing to commit");
});

test("a firmware that does not verify is dropped and the running one stays", () => {
  const house = connected();
  const image = pattern(5000);
  const wrong = frame(0x14, 7, u32(image.length), sha256(text("x")), text("memory"));
  expect(send(link().link, wrong, image)).toBe("checksum differs");
  reboot(house);
  house.chip.run(30_000);
  expect(house.chip.native.firmwareInfo()).toMatchObject({ slot: 0, state: FIRMWARE_STATE.valid });
});

test("a firmware put goes on where it broke off", () => {
  connected();
  const image = pattern(9000);
  const first = link().link;
  first.handle(putFirmware(image));
  first.handle(frame(0x12, 7, u32(0), image.subarray(0, 2048)));
  const second = link().link;
  expect(answerOf(second.handle(putFirmware(image)))).toBe('{"offset":2048}');
  expect(send(second, putFirmware(image), image, 2048)).toBe("");
});

test("a new firmware is pending after the restart, and valid when the proof has come back", () => {
  const house = connected();
  expect(send(link().link, putFirmware(pattern(5000)), pattern(5000))).toBe("");
  reboot(house);
  house.until(12_000);
  expect(house.chip.native.firmwareInfo()).toMatchObject({ slot: 1, state: FIRMWARE_STATE.pending });
  house.until(20_000);
  expect(house.chip.native.firmwareInfo()).toMatchObject({ slot: 1, state: FIRMWARE_STATE.valid, rejectedWhy: "" });
  expect(house.take("Log").some((line) => line.startsWith("firmware confirmed "))).toBe(true);
});

test("with keep manual firmware and configuration wait for keepversion", () => {
  const house = connected(`${CONFIG}keep manual\n`);
  send(link().link, putFirmware(pattern(5000)), pattern(5000));
  sendConfig(`${NEW_CONFIG}keep manual\n`);
  reboot(house);
  house.chip.run(60_000);
  expect(house.chip.native.firmwareInfo().state).toBe(FIRMWARE_STATE.pending);
  expect(house.chip.native.configInfo().trial).toBe(true);
  house.command("keepversion");
  expect(house.chip.native.firmwareInfo().state).toBe(FIRMWARE_STATE.valid);
  expect(house.chip.native.configInfo().trial).toBe(false);
});

test("a firmware that nobody can reach is taken back after five minutes", () => {
  const house = connected();
  send(link().link, putFirmware(pattern(5000)), pattern(5000));
  reboot(house);
  house.chip.board.setNetwork(false);
  house.chip.run(310_000);
  house.chip.board.setNetwork(true);
  house.chip.run(100_000);
  expect(house.chip.native.firmwareInfo()).toMatchObject({
    slot: 0,
    state: FIRMWARE_STATE.valid,
    otherState: FIRMWARE_STATE.invalid,
    rejectedHash: sha256(pattern(5000)).toString("hex").slice(0, 16),
    rejectedWhy: "deadline",
  });
});

test("any restart during its trial aborts a firmware, also one that was asked for", () => {
  const house = connected(`${CONFIG}keep manual\n`);
  send(link().link, putFirmware(pattern(5000)), pattern(5000));
  reboot(house);
  house.chip.run(30_000);
  reboot(house);
  house.chip.run(30_000);
  expect(house.chip.native.firmwareInfo()).toMatchObject({
    slot: 0,
    otherState: FIRMWARE_STATE.aborted,
    rejectedWhy: "restart",
  });
});

test("a configuration from the air is on trial and stays once the device has proved itself with it", () => {
  const house = connected();
  expect(sendConfig()).toBe("");
  expect(configText(house)).toBe(NEW_CONFIG);
  expect(Buffer.from(house.chip.files.get("config.old") ?? []).toString()).toBe(CONFIG);
  reboot(house);
  house.until(12_000);
  expect(house.chip.native.configInfo().trial).toBe(true);
  house.until(20_000);
  expect(house.chip.native.configInfo().trial).toBe(false);
  expect(house.chip.files.has("config.old")).toBe(false);
  expect(house.take("Log")).toContain("config confirmed");
});

test("a configuration that leads nowhere is put back after five minutes", () => {
  const house = connected();
  sendConfig(CONFIG.replace("10.0.0.1", "10.0.0.9"));
  reboot(house);
  house.chip.run(330_000);
  expect(configText(house)).toBe(CONFIG);
  expect(house.chip.native.configInfo()).toMatchObject({ trial: false, rejectedWhy: "deadline" });
  expect(house.appliance.mqtt.connected).toBe(true);
});

test("a configuration that cannot be used is put back at once", () => {
  const house = connected();
  sendConfig("ssid home\n");
  reboot(house);
  house.chip.run(30_000);
  expect(configText(house)).toBe(CONFIG);
  expect(house.chip.native.configInfo().rejectedWhy).toBe("config");
  expect(house.appliance.mqtt.connected).toBe(true);
});

test("a power cut during its trial brings the old configuration back", async () => {
  const house = connected();
  sendConfig();
  reboot(house);
  house.until(5000);
  await house.chip.powerCut();
  house.chip.start();
  house.chip.run(40_000);
  expect(configText(house)).toBe(CONFIG);
  expect(house.chip.native.configInfo().rejectedWhy).toBe("power");
});

test("a second configuration during the trial does not become what is put back", () => {
  const house = connected(`${CONFIG}keep manual\n`);
  sendConfig(`${NEW_CONFIG}keep manual\n`);
  reboot(house);
  house.chip.run(30_000);
  sendConfig("ssid home\n");
  reboot(house);
  house.chip.run(30_000);
  expect(configText(house)).toBe(`${CONFIG}keep manual\n`);
});

test("over a cable a configuration is in force at once", () => {
  const house = connected();
  const { link: cable } = link();
  cable.configTrial = false;
  sendConfig(NEW_CONFIG, cable);
  expect(configText(house)).toBe(NEW_CONFIG);
  reboot(house);
  house.until(10_000);
  expect(house.chip.native.configInfo().trial).toBe(false);
});

test("config.old can be neither put nor removed", () => {
  connected();
  const { link: one } = link();
  expect(send(one, frame(0x10, 7, u32(3), sha256(text("abc")), text("config.old")), text("abc"))).toBe("reserved name");
  expect(answerOf(one.handle(frame(5, 9, text("config.old"))))).toBe("reserved name");
});
