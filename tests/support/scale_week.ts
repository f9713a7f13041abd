// Weighings that each have a weight of their own, and a week of them in a scale house.

import type { ScaleHouse } from "./scale_house.ts";

export const HOUR_MS = 3_600_000;
export const WEEK_MS = 7 * 24 * HOUR_MS;

/** What lies on a scale: 100 g more at each of its wake-ups. `weighed` are the weights so far, as they are published. */
export function growing(sensor: { resets: unknown[] }): { kg: () => number; weighed: string[] } {
  const weighed: string[] = [];
  let boots = -1;
  const kg = () => {
    if (sensor.resets.length !== boots) {
      boots = sensor.resets.length;
      weighed.push(`${(10 + weighed.length / 10).toFixed(1)}00`);
    }
    return 10 + (weighed.length - 1) / 10;
  };
  return { kg, weighed };
}

/** Lets a week pass with `each` hour's events. Returns the weights in the order of weighing. */
export function week(home: ScaleHouse, each: (hour: number) => void = () => {}): string[] {
  const { kg, weighed } = growing(home.sensor);
  home.kg = kg;
  for (let hour = 0; hour < WEEK_MS / HOUR_MS; hour++) {
    each(hour);
    home.run(HOUR_MS);
  }
  return weighed;
}
