// The one scheduler of a simulation: virtual time in microseconds and what is due at which moment. It never looks at a wall clock.

export interface Timer {
  readonly atUs: number;
  cancelled: boolean;
}

interface Entry extends Timer {
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time. Entries due at the same moment run in the order in which they were made. */
export class SimClock {
  #nowUs = 0;
  #order = 0;
  /** Binary heap by (atUs, order). */
  readonly #heap: Entry[] = [];

  get nowUs(): number {
    return this.#nowUs;
  }

  /** Runs `run` at `atUs` (now, if that has passed). */
  at(atUs: number, run: () => void): Timer {
    // Whole microseconds: what a device's own clock can be set to.
    const entry: Entry = { atUs: Math.max(Math.ceil(atUs), this.#nowUs), order: this.#order++, run, cancelled: false };
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[index] = heap[parent] as Entry;
      index = parent;
    }
    heap[index] = entry;
    return entry;
  }

  after(delayUs: number, run: () => void): Timer {
    return this.at(this.#nowUs + delayUs, run);
  }

  /** When the next entry is due; Infinity if there is none. */
  nextUs(): number {
    this.#dropCancelled();
    return this.#heap[0]?.atUs ?? Number.POSITIVE_INFINITY;
  }

  /** Runs the next entry if it is due at or before `limitUs`; moves time to it. False when there was none. */
  step(limitUs = Number.POSITIVE_INFINITY): boolean {
    this.#dropCancelled();
    const entry = this.#heap[0];
    if (entry === undefined || entry.atUs > limitUs) return false;
    this.#pop();
    this.#nowUs = entry.atUs;
    entry.run();
    return true;
  }

  /** Runs everything due up to `untilUs`, then time is `untilUs`. */
  advanceTo(untilUs: number): void {
    while (this.step(untilUs));
    if (untilUs > this.#nowUs) this.#nowUs = Math.floor(untilUs);
  }

  #dropCancelled(): void {
    while (this.#heap[0]?.cancelled === true) this.#pop();
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
      if (!before(heap[child] as Entry, last)) break;
      heap[index] = heap[child] as Entry;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order);
}
