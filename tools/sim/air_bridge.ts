// Joins the radios of a simulation to the air of a folder (docs/BOARD.md), so that other processes hear them and are heard. What befalls a
// frame is decided where it is sent: for ours by the Air, for theirs by them.

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type AirDatagram, decodeAirDatagram, encodeAirDatagram } from "../lib/air_datagram.ts";
import { UnixDatagram } from "../lib/unix_datagram.ts";
import { type Air, type AirFrame, BROADCAST, type FarRadio, type Radio } from "./air.ts";

/** Real time in which another process acknowledges; the simulation's clock waits for it. */
const ACKNOWLEDGE_MS = 500;

/** Who moves the simulation's clock. */
export interface Stage {
  /** Runs `act` at the present virtual time, soon. */
  act(act: () => void): void;
  /** Time stands still until what is returned is called. */
  hold(): () => void;
}

interface Endpoint {
  radio: Radio;
  socket: UnixDatagram;
  sequence: number;
}

export class AirBridge {
  /** Told that the device with this MAC is to restart. */
  onReset: (mac: string) => void = () => {};
  readonly #stage: Stage;
  readonly #air: Air;
  readonly #folder: string;
  /** By MAC; kept while a radio is off, since it then hears nothing anyway. */
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #controls: UnixDatagram[] = [];
  /** Who waits for an acknowledgement, by sequence, receiver and sender. */
  readonly #waiting = new Map<string, (acknowledged: boolean) => void>();
  readonly #ends: (() => void)[];

  /** The folder is made when it is not there. */
  constructor(stage: Stage, air: Air, folder: string) {
    this.#stage = stage;
    this.#air = air;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    air.far = (frame) => this.#farRadios(frame);
    air.onTune = (radio) => this.#join(radio);
    this.#ends = [air.observe((frame, far) => far || this.#tellListeners(frame))];
  }

  close(): void {
    this.#air.far = () => [];
    this.#air.onTune = () => {};
    for (const end of this.#ends) end();
    for (const settle of [...this.#waiting.values()]) settle(false);
    for (const { socket } of this.#endpoints.values()) socket.close();
    for (const socket of this.#controls) socket.close();
    this.#endpoints.clear();
  }

  #join(radio: Radio): void {
    const { mac } = radio;
    if (radio.channel === 0 || mac === "") return;
    const known = this.#endpoints.get(mac);
    if (known !== undefined) {
      known.radio = radio;
      return;
    }
    const socket = new UnixDatagram(join(this.#folder, mac), (bytes) => this.#take(mac, bytes));
    this.#endpoints.set(mac, { radio, socket, sequence: 0 });
    this.#controls.push(
      new UnixDatagram(join(this.#folder, `control-${mac}`), (bytes) => {
        if (Buffer.from(bytes).toString() === "reset") this.onReset(mac);
      }),
    );
  }

  #names(): string[] {
    return readdirSync(this.#folder);
  }

  #farRadios({ to, from }: AirFrame): FarRadio[] {
    const macs = this.#names().filter((name) => /^[0-9a-f]{12}$/.test(name) && !this.#endpoints.has(name));
    return macs
      .filter((mac) => mac !== from && (to === BROADCAST || to === mac))
      .map((mac) => ({ mac, deliver: (frame, rssi, arrived) => this.#deliver(mac, frame, rssi, arrived) }));
  }

  #deliver(mac: string, frame: AirFrame, rssi: number, arrived: () => void): void {
    const endpoint = this.#endpoints.get(frame.from);
    if (endpoint === undefined) return;
    const sequence = (endpoint.sequence + 1) & 0xff;
    endpoint.sequence = sequence;
    const sent = endpoint.socket.send(
      join(this.#folder, mac),
      encodeAirDatagram({ ...frame, kind: "frame", rssi, sequence }),
    );
    if (!sent || frame.to === BROADCAST) return;
    const key = `${sequence} ${mac} ${frame.from}`;
    const release = this.#stage.hold();
    const timer = setTimeout(() => this.#waiting.get(key)?.(false), ACKNOWLEDGE_MS);
    this.#waiting.set(key, (acknowledged) => {
      clearTimeout(timer);
      this.#waiting.delete(key);
      if (acknowledged) this.#stage.act(arrived);
      release();
    });
  }

  #tellListeners(frame: AirFrame): void {
    const endpoint = this.#endpoints.get(frame.from);
    if (endpoint === undefined) return;
    const { rssi } = this.#air.settings;
    const copy = encodeAirDatagram({ ...frame, kind: "frame", rssi, sequence: endpoint.sequence });
    for (const name of this.#names())
      if (name.startsWith("sniff-")) endpoint.socket.send(join(this.#folder, name), copy);
  }

  #take(mac: string, bytes: Uint8Array): void {
    const datagram = decodeAirDatagram(bytes);
    const endpoint = this.#endpoints.get(mac);
    if (datagram === undefined || endpoint === undefined) return;
    const { radio, socket } = endpoint;
    const heard = () => radio.channel === datagram.channel && radio.longRange === datagram.longRange;
    const mine = datagram.to === mac;
    if (datagram.kind !== "frame") {
      const waiting = this.#waiting.get(`${datagram.sequence} ${datagram.from} ${mac}`);
      if (mine) waiting?.(datagram.kind === "acknowledgement" && heard());
      return;
    }
    // A broadcast comes to each of our sockets; it is told of once.
    const told = mine || [...this.#endpoints.keys()][0] === mac;
    const frame: AirFrame = { ...datagram };
    if (told) this.#stage.act(() => this.#air.tell(frame, true));
    if (!mine && datagram.to !== BROADCAST) return;
    if (mine) this.#answer(socket, datagram, radio, heard());
    if (!heard()) return;
    this.#stage.act(() => {
      if (heard()) radio.heard(frame, datagram.rssi);
    });
  }

  /** At once, as a radio does, whatever its program is doing. */
  #answer(socket: UnixDatagram, { sequence, from, to, rssi }: AirDatagram, radio: Radio, heard: boolean): void {
    if (heard && Math.random() < this.#air.settings.ackLoss) return;
    const { channel, longRange } = radio;
    const kind = heard ? "acknowledgement" : "deaf";
    const answer = { kind, channel, longRange, rssi, sequence, from: to, to: from, bytes: new Uint8Array(0) } as const;
    socket.send(join(this.#folder, from), encodeAirDatagram(answer));
  }
}
