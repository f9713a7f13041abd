// The edge receiver of an in-memory chip: levels in, bursts out, with the filter and the silence of port_edges_open (native/port.h).

const EDGES_MAX = 128;

/** What a pin was and for how many microseconds. */
export type Level = readonly [level: 0 | 1, us: number];

export class EdgeCutter {
  readonly pin: number;
  readonly #filterUs: number;
  readonly #idleUs: number;
  readonly #burst: (data: Uint8Array) => void;
  #level: 0 | 1 = 0;
  #us = 0;
  #silent = true;
  #values: number[] = [];

  /** `burst` takes the data of an event of kind 7. */
  constructor(pin: number, filterUs: number, idleUs: number, burst: (data: Uint8Array) => void) {
    this.pin = pin;
    this.#filterUs = filterUs;
    this.#idleUs = idleUs;
    this.#burst = burst;
  }

  push(levels: readonly Level[]): void {
    for (const [level, us] of levels) this.#add(level, us);
  }

  #add(level: 0 | 1, us: number): void {
    if (level === this.#level || us < this.#filterUs) this.#us += us;
    else {
      if (!this.#silent && this.#values.length < EDGES_MAX)
        this.#values.push((this.#level << 15) | Math.min(this.#us, 0x7fff));
      this.#silent = false;
      this.#level = level;
      this.#us = us;
    }
    if (this.#us < this.#idleUs) return;
    this.#silent = true;
    const values = this.#values;
    this.#values = [];
    if (values.length > 0) this.#burst(new Uint8Array(Uint16Array.from(values).buffer));
  }
}
