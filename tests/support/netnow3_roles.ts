// A central or a peripheral of version 3 on a bench, paired or not, with what it hands on.

import type { Loop } from "../../device/loop.ts";
import { netnowKeys } from "../../device/netnow_codec.ts";
import type { NetnowRadio } from "../../device/netnow_radio.ts";
import { Netnow3Central } from "../../device/netnow3_central.ts";
import { CONFIRM3, DATA3, WAKEUP3 } from "../../device/netnow3_codec.ts";
import { Netnow3Peripheral } from "../../device/netnow3_peripheral.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { hexOf } from "./hex.ts";
import { netnow3Bench } from "./netnow3_bench.ts";

export const OTHER = "AA:BB:CC:DD:EE:FF";
export const MINE = "02:00:00:00:BE:EF";
export const KEY_HEX = "07".repeat(32);
export const keys = () => netnowKeys("key", "group");
export const netnowKept = (chip: MemoryChip) => [...chip.nvs.keys()].filter((key) => key.startsWith("netnow"));

export function centralBench(paired = true) {
  const data: string[] = [];
  const start = (loop: Loop, radio: NetnowRadio) => {
    const central = new Netnow3Central(loop, radio, keys());
    central.onData = (payload, mac) => data.push(`${mac} ${Buffer.from(payload)}`);
    return central;
  };
  const nvs: [string, string][] = paired ? [["netnow3/AABBCCDDEEFF", KEY_HEX]] : [];
  const { chip, role, end } = netnow3Bench(true, start, nvs);
  const confirms = () => end.take(CONFIRM3).map(({ plain }) => hexOf(plain ?? new Uint8Array(0)));
  const say = (type: number, session: number, count: number, plain?: Uint8Array) => {
    end.say(end.sealed(type, session, count, plain));
    chip.run(10);
  };
  return { chip, central: role, end, data, confirms, say };
}

export function peripheralBench(nvs: [string, string][] = [["netnow/pair3", `${OTHER} ${KEY_HEX}`]], channel = 1) {
  const back: string[] = [];
  let ready = 0;
  const start = (loop: Loop, radio: NetnowRadio) => {
    const peripheral = new Netnow3Peripheral(loop, radio, keys(), true);
    peripheral.onBack = (payload, rssi) => back.push(`${Buffer.from(payload)} ${rssi}`);
    peripheral.onReady = () => ready++;
    peripheral.start();
    return peripheral;
  };
  const made = netnow3Bench(false, start, [...nvs, ["netnow/channel", String(channel)]]);
  const { chip, end } = made;
  const confirm = (count: number) => {
    const newest = end.heardAll.findLast(({ bytes }) => bytes[1] === WAKEUP3 || bytes[1] === DATA3);
    end.say(end.sealed(CONFIRM3, 1, count, newest?.bytes.slice(2, 10)));
    chip.run(10);
  };
  return { ...made, peripheral: made.role, back, ready: () => ready, confirm };
}
