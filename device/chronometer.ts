// A stopwatch on the native clock, for short and long spans alike: the clock has a fraction and does not wrap.

export class Chronometer {
  private startMs: number;

  constructor() {
    this.startMs = native.now();
  }

  restart(): void {
    this.startMs = native.now();
  }

  elapsedMs(): number {
    return native.now() - this.startMs;
  }
}
