// An MQTT appliance as the central of ESP-NOW: keys and channel from its configuration, its counters in `stats`.

import type { Appliance } from "./appliance.ts";
import type { Config } from "./config.ts";
import { hex } from "./link.ts";
import type { Loop } from "./loop.ts";
import { Mailbox } from "./mailbox.ts";
import { netKind } from "./net.ts";
import { NetnowCentral } from "./netnow_central.ts";
import { type NetnowKeys, netnowKeys, versionOf } from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { macBytes, NetnowRadio } from "./netnow_radio.ts";
import { Netnow3Central } from "./netnow3_central.ts";

const WIFI = 0;

/** Tokens of a central; profiles/espnow_config.ts is their schema. */
export interface CentralTokens {
  espnowpsk: string;
  espnowgroup: string;
  espnowchannel: number;
  espnowrate?: string | undefined;
  espnowversion?: string | undefined;
}

/** The central of whichever version: `auto` serves the old fleet and what has paired over version 3 side by side. */
export class Central {
  readonly counts: NetnowCounts;
  /** Told of each payload with the sender's MAC (`AA:BB:...`) and RSSI in dBm. */
  onData: (payload: Uint8Array, mac: string, rssi: number) => void;
  private readonly two: NetnowCentral | undefined;
  private readonly three: Netnow3Central | undefined;

  constructor(loop: Loop, radio: NetnowRadio, keys: NetnowKeys, version: string) {
    this.counts = new NetnowCounts();
    this.onData = () => {};
    const onData = (payload: Uint8Array, mac: string, rssi: number) => this.onData(payload, mac, rssi);
    this.two = version === "3" ? undefined : new NetnowCentral(loop, radio, keys, this.counts);
    this.three = version === "2" ? undefined : new Netnow3Central(loop, radio, keys, this.counts);
    if (this.two !== undefined) this.two.onData = onData;
    if (this.three !== undefined) this.three.onData = onData;
    if (version === "auto") radio.onFrame = (mac, frame, rssi, atMs) => this.take(mac, frame, rssi, atMs);
  }

  /** Sends `payload` (at most BACK_MAX bytes) to all peripherals. False when the radio has no room. */
  sendBack(payload: Uint8Array): boolean {
    const sent = this.two === undefined || this.two.sendBack(payload);
    return (this.three === undefined || this.three.sendBack(payload)) && sent;
  }

  /** As `sendBack`, on the way by which one peripheral hears it. */
  sendTo(mac: string, payload: Uint8Array): boolean {
    if (this.three?.knows(mac) === true) return this.three.sendTo(mac, payload);
    return this.two?.sendBack(payload) === true;
  }

  /** Who has paired over version 3 is not believed in version 2 any more: the group's key alone must not be enough to speak for it. */
  private take(mac: string, frame: Uint8Array, rssi: number, atMs: number): void {
    if (this.three?.take(mac, frame, rssi) === true) return;
    if (this.three?.knows(mac) === true) this.counts.refuse("downgrade");
    else this.two?.take(mac, frame, rssi, atMs);
  }
}

/** Turns the radio on, begins to keep the time and to hand out mail. What peripherals send goes to `onData`. Throws a ConfigError. */
export function startCentral(
  appliance: Appliance,
  onData: (payload: Uint8Array, mac: string, rssi: number) => void,
): Central {
  const config = appliance.config as unknown as Config<CentralTokens>;
  const keys = netnowKeys(config.text("espnowpsk"), config.text("espnowgroup"));
  // A station has its access point's channel; only without one the configuration decides.
  const isStation = netKind(appliance.config.text("ssid")) === WIFI;
  native.espnowOn(isStation ? 0 : config.integer("espnowchannel", 1, 13), config.get("espnowrate") !== "ordinary");
  const radio = new NetnowRadio(appliance.loop);
  const central = new Central(appliance.loop, radio, keys, versionOf(config.get("espnowversion")));
  const mailbox = new Mailbox(appliance.loop, (payload, mac) => central.sendTo(mac, payload));
  // Retained: a tool learns at once what a device that sleeps has said last.
  mailbox.onReport = (mac, report) =>
    void appliance.mqtt.publish(`stat/${appliance.name}/Mail/${hex(macBytes(mac)!)}`, hex(report), true);
  mailbox.onText = (mac, part, text) =>
    appliance.mqtt.publish(`stat/${appliance.name}/Mail/${hex(macBytes(mac)!)}/${part}`, hex(text), true);
  mailbox.onStats = (mac, text) =>
    void appliance.mqtt.publish(`stat/${appliance.name}/Mail/${hex(macBytes(mac)!)}/stats`, text, true);
  mailbox.onWant = (mac, number, first, size) =>
    void appliance.publish("Mail", JSON.stringify({ mac: hex(macBytes(mac)!), number, first, size }));
  central.onData = (payload, mac, rssi) => {
    if (!mailbox.take(payload, mac)) onData(payload, mac, rssi);
  };
  appliance.ota.moreStats = () =>
    `espnow sent ${radio.sent} overruns ${radio.overruns} ${central.counts.text()} mail ${mailbox.blocks} refused ${mailbox.refused}`;
  return central;
}

/** A text payload of `topic\nvalue`, or undefined when it is none. */
export function topicAndValue(payload: Uint8Array): [topic: string, value: string] | undefined {
  const lines = native.decodeText(payload, 0, payload.length)?.split("\n");
  return lines?.length === 2 ? (lines as [string, string]) : undefined;
}
