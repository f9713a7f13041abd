// The network interface of a host firmware as the board sees it: the access point answers after its time, and can go away.

import type { Board } from "./board.ts";
import type { FromBoard } from "./board_protocol.ts";
import type { Timer } from "./clock.ts";

/** By enum port_net_state. */
const STATES = ["off", "on", "connecting", "up", "lost"] as const;
type State = (typeof STATES)[number];

export class HostStation {
  readonly #board: Board;
  readonly #tell: (message: FromBoard) => void;
  #state: State = "off";
  #timer: Timer | undefined;

  /** `tell` takes the messages to the firmware. */
  constructor(board: Board, tell: (message: FromBoard) => void) {
    this.#board = board;
    this.#tell = tell;
  }

  /** The firmware has ended or begins. */
  reset(): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    this.#state = "off";
  }

  /** The firmware has switched the interface. */
  set(state: "off" | "on"): void {
    this.#become(state);
  }

  connect(): void {
    this.#become("connecting");
    const { network, clock } = this.#board;
    this.#timer = clock.after(network.joinMs * 1000, () => this.#change(network.available ? "up" : "lost"));
  }

  /** The access point has come or gone. */
  networkChanged(): void {
    const joined = this.#state === "connecting" || this.#state === "up";
    if (joined && !this.#board.network.available) this.#change("lost");
  }

  #change(state: "up" | "lost"): void {
    this.#become(state);
    const { ip, rssi, channel } = this.#board.network;
    this.#tell({ kind: "net", state: STATES.indexOf(state), ip: state === "up" ? ip : "0.0.0.0", rssi, channel });
  }

  #become(state: State): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    if (this.#state === state) return;
    this.#state = state;
    this.#board.emit({ kind: "net", state });
  }
}
