// The network interface's state machine: on, connected, lost and again. What runs over the network is told when it comes and goes.

import type { Loop, Task } from "./loop.ts";
import { countEvent } from "./nvram.ts";
import { StateMachine } from "./state_machine.ts";

export const OFF_MS = 1000;
export const CONNECTING_LOOK_MS = 1000;
export const CONNECTING_MAX_MS = 60_000;
export const UP_LOOK_MS = 5000;
export const LOST_MS = 30_000;
export const LOST_FUDGE_MS = 15_000;
/** Without a network for so long the device restarts. */
export const GONE_MS = 600_000;

/** `native.netState` */
const UP = 3;
const LOST = 4;

type NetState = "idle" | "off" | "connecting" | "up" | "lost";

/** The kind for `native.netOn` that an ssid stands for; undefined for `(none)`. */
export function netKind(ssid: string): number | undefined {
  const kind = ["(wired)", "(wired2)", "(qemu)", "(none)"].indexOf(ssid) + 1;
  return kind === 4 ? undefined : kind;
}

export class Net {
  private readonly states: StateMachine<NetState>;
  private readonly gone: Task;

  /** `changed` is called with true when there is a network, with false when it is lost. */
  constructor(
    loop: Loop,
    private readonly kind: number,
    private readonly ssid: string,
    private readonly password: string,
    private readonly changed: (up: boolean) => void,
  ) {
    this.gone = loop.task(() => native.restart("no network for 10 min", false), true, "net");
    this.states = new StateMachine<NetState>(
      loop,
      "idle",
      { idle: ["off", "connecting"], off: ["connecting"], connecting: ["up", "lost"], up: ["lost"], lost: ["off"] },
      true,
    );
    this.states.observe((from, to) => this.entered(from, to));
  }

  get up(): boolean {
    return this.states.state === "up";
  }

  start(): void {
    this.gone.once(GONE_MS);
    // Left up by the program before (native.restartProgram): taken over as it is, unless it is another network than ours.
    const kept = native.netState() === UP;
    this.states.to(kept ? "connecting" : "off");
    if (kept) this.look();
  }

  private entered(from: NetState, to: NetState): void {
    const states = this.states;
    if (to === "off") {
      native.netOff();
      states.after(OFF_MS, () => states.to("connecting"));
    } else if (to === "connecting") {
      native.netOn(this.kind);
      if (this.kind === 0) native.netConnect(this.ssid, this.password);
      else native.netConnect("", "");
      states.every(CONNECTING_LOOK_MS, () => this.look());
      states.after(CONNECTING_MAX_MS, () => states.to("lost"));
    } else if (to === "up") {
      this.gone.stop();
      states.every(UP_LOOK_MS, () => this.look());
      this.changed(true);
    } else {
      native.netOff();
      states.after(LOST_MS, () => states.to("off"), LOST_FUDGE_MS);
      if (from !== "up") return;
      this.gone.once(GONE_MS);
      countEvent("connlost");
      this.changed(false);
    }
  }

  private look(): void {
    const state = native.netState();
    if (this.up) {
      if (state !== UP) this.states.to("lost");
    } else if (state === UP) this.states.to("up");
    else if (state === LOST) this.states.to("lost");
  }
}
