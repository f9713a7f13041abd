// The level of the tank from its sensors: bits, debouncing, percent, plausibility. Reading the expander is h2o.ts.

/** Equal readings before a change counts. */
export const EQUAL_READINGS = 4;
/** A wet sensor above a dry one. */
export const IMPLAUSIBLE = 1;

export class Level {
  /** Wet sensors as bits, from the lowest; undefined before the first reading. */
  wet: number | undefined;
  private candidate: number;
  private count: number;

  constructor(
    /** Heights of the sensors in percent, lowest first. */
    readonly sensors: number[],
  ) {
    this.wet = undefined;
    this.candidate = this.count = 0;
  }

  /** Takes one reading (bits of wet sensors). True when the level that counts has changed. */
  take(wet: number): boolean {
    if (this.wet === undefined) {
      this.wet = wet;
      return true;
    }
    if (wet === this.wet) {
      this.count = 0;
      return false;
    }
    this.count = wet === this.candidate ? this.count + 1 : 1;
    this.candidate = wet;
    if (this.count < EQUAL_READINGS) return false;
    this.wet = wet;
    this.count = 0;
    return true;
  }

  /** The height of the highest wet sensor; 0 when none is. */
  get percent(): number {
    for (let index = this.sensors.length - 1; index >= 0; index--) {
      if (this.isWet(index)) return this.sensors[index] as number;
    }
    return 0;
  }

  get implausible(): boolean {
    for (let index = 1; index < this.sensors.length; index++) {
      if (this.isWet(index) && !this.isWet(index - 1)) return true;
    }
    return false;
  }

  /** `1,1,0`, lowest first. */
  get map(): string {
    let text = "";
    for (let index = 0; index < this.sensors.length; index++)
      text += (index === 0 ? "" : ",") + (this.isWet(index) ? "1" : "0");
    return text;
  }

  isWet(index: number): boolean {
    return (((this.wet ?? 0) >> index) & 1) === 1;
  }
}

/** `20,40,60` as numbers, or undefined when it is not a list of 1 to 16 ascending percentages. */
export function parseSensors(text: string): number[] | undefined {
  const sensors: number[] = [];
  for (const part of text.split(",")) {
    const percent = Number(part);
    const last = sensors.length > 0 ? (sensors[sensors.length - 1] as number) : 0;
    if (part === "" || !(percent > last && percent <= 100)) return undefined;
    sensors.push(percent);
  }
  return sensors.length <= 16 ? sensors : undefined;
}
