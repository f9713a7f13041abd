// A program for a chip in memory: one role of ESP-NOW and nothing else, which logs every frame that it takes. Its config.txt is
// `role central|peripheral` and `version 2|3|auto`. Bundled by netnow_pair.ts.

import { Central } from "../../device/central.ts";
import { Config, parseConfig, readConfig } from "../../device/config.ts";
import { hex } from "../../device/link.ts";
import { Loop } from "../../device/loop.ts";
import { netnowKeys } from "../../device/netnow_codec.ts";
import type { NetnowCounts } from "../../device/netnow_counts.ts";
import { NetnowRadio } from "../../device/netnow_radio.ts";
import { startNetnow } from "../../device/peripheral.ts";

const SEND_MS = 3000;

const config = new Config<{ role: string; version: string }>(parseConfig(readConfig()));
const version = config.text("version");
const loop = new Loop();
const radio = new NetnowRadio(loop);
const keys = netnowKeys("key", "group");
let counts: NetnowCounts | undefined;

// Whoever handles frames is watched: what raises the count of those taken was taken.
let inner = radio.onFrame;
Object.defineProperty(radio, "onFrame", {
  set: (handler: typeof inner) => {
    inner = handler;
  },
  get: (): typeof inner => (mac, frame, rssi, atMs) => {
    const before = counts?.accepted ?? 0;
    inner(mac, frame, rssi, atMs);
    if ((counts?.accepted ?? 0) > before) native.log(`took ${hex(frame)}`);
  },
});

native.log("boots");
let said = 0;
const text = () => native.encodeText(`${native.uniqueId()} ${hex(native.random(8))} ${++said}`);
if (config.text("role") === "central") {
  native.espnowOn(1, true);
  const central = new Central(loop, radio, keys, version);
  counts = central.counts;
  central.onData = (payload) => native.log(`data ${native.decodeText(payload, 0, payload.length)}`);
  loop.task(() => central.sendBack(text()), false).every(SEND_MS, SEND_MS);
} else {
  const netnow = startNetnow(loop, radio, keys, true, version);
  counts = netnow.counts;
  netnow.onBack = (payload) => native.log(`back ${native.decodeText(payload, 0, payload.length)}`);
  let payload = text();
  let tid = native.random(12);
  let sends = 0;
  // Each message up to four times, as the scale does.
  const send = () => {
    const done = (taken: boolean) => {
      if (!taken && ++sends < 4) return;
      payload = text();
      tid = native.random(12);
      sends = 0;
    };
    netnow.send(payload, done, tid);
  };
  loop.task(send, false).every(SEND_MS / 4, SEND_MS / 4);
}
loop.start();
