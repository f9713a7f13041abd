// `espnowversion auto` of a peripheral: version 3 with a central that speaks it, version 2 with one of the old fleet. A pair of version 3 is
// for good; one of version 2 becomes one of version 3 as soon as its central is heard to speak that.

import type { Loop, Task } from "./loop.ts";
import type { NetnowKeys } from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { CHANNEL_MS, CHANNELS, NetnowPeripheral } from "./netnow_peripheral.ts";
import type { NetnowRadio } from "./netnow_radio.ts";
import { BEACON3, VERSION3 } from "./netnow3_codec.ts";
import { Netnow3Peripheral } from "./netnow3_peripheral.ts";

/** A peripheral of whichever version, as profiles see it. */
export interface Netnow {
  /** True when data can be sent. */
  readonly ready: boolean;
  readonly counts: NetnowCounts;
  onBack: (payload: Uint8Array, rssi: number) => void;
  onReady: () => void;
  pair(): void;
  /** False when it cannot be sent now, and `done` is not called. With the `tid` of the message before it is that message once more. Throws
   * on more than DATA_MAX bytes. */
  send(payload: Uint8Array, done?: (acknowledged: boolean) => void, tid?: Uint8Array): boolean;
}

/** For so long only a central of version 3 is looked for: once over all channels. */
export const THREE_FIRST_MS = CHANNELS * CHANNEL_MS;

export class NetnowAuto implements Netnow {
  readonly counts: NetnowCounts;
  onBack: (payload: Uint8Array, rssi: number) => void;
  onReady: () => void;
  readonly three: Netnow3Peripheral;
  two: NetnowPeripheral | undefined;
  private readonly fallBack: Task;

  constructor(
    loop: Loop,
    private readonly radio: NetnowRadio,
    private readonly keys: NetnowKeys,
    private readonly longRange: boolean,
  ) {
    this.onBack = this.onReady = () => {};
    this.counts = new NetnowCounts();
    this.two = undefined;
    this.fallBack = loop.task(() => this.startTwo(loop), true, "netnow 2");
    const three = new Netnow3Peripheral(loop, radio, keys, longRange, this.counts);
    this.three = three;
    three.onBack = (payload, rssi) => this.onBack(payload, rssi);
    three.onReady = () => this.onReady();
    three.onPaired = () => this.dropTwo();
    const paired2 = native.nvsGet("netnow", "manager") !== undefined && native.fileSize("pair.txt") < 0;
    if (three.manager === undefined && paired2) this.startTwo(loop);
    else this.startThree();
  }

  get ready(): boolean {
    return this.three.ready || this.two?.ready === true;
  }

  pair(): void {
    this.dropTwo();
    this.three.pair();
    this.startThree();
  }

  send(payload: Uint8Array, done?: (acknowledged: boolean) => void, tid?: Uint8Array): boolean {
    return (this.two ?? this.three).send(payload, done, tid);
  }

  private startThree(): void {
    this.listen();
    this.three.start();
    if (this.three.manager === undefined) this.fallBack.once(THREE_FIRST_MS);
  }

  private startTwo(loop: Loop): void {
    this.three.stay();
    const two = new NetnowPeripheral(loop, this.radio, this.keys, this.longRange, this.counts);
    this.two = two;
    two.onBack = (payload, rssi) => this.onBack(payload, rssi);
    two.onReady = () => this.onReady();
    this.listen();
  }

  private dropTwo(): void {
    this.fallBack.stop();
    this.two?.stop();
    this.two = undefined;
    native.nvsRemove("netnow", "manager");
  }

  private listen(): void {
    this.radio.onFrame = (mac, frame, rssi, atMs) => {
      const two = this.two;
      const foreign = two?.manager !== undefined && two.manager !== mac;
      // What is no frame of version 3 may begin as one does.
      const asThree = frame[0] === VERSION3 && !(foreign && frame[1] === BEACON3) && this.three.take(mac, frame, rssi);
      if (asThree) return;
      if (two !== undefined) two.take(mac, frame, rssi, atMs);
      else this.counts.refuse("tag");
    };
  }
}
