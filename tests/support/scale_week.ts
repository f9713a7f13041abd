// A week of a scale house in which every weighing has a weight of its own.

import type { ScaleHouse } from "./scale_house.ts";

export const HOUR_MS = 3_600_000;
export const WEEK_MS = 7 * 24 * HOUR_MS;

/** Lets a week pass with `each` hour's events. Returns the weights in the order of weighing. */
export function week(home: ScaleHouse, each: (hour: number) => void = () => {}): string[] {
  const weighed: string[] = [];
  let boots = home.sensor.resets.length;
  home.kg = () => {
    if (home.sensor.resets.length !== boots || weighed.length === 0) {
      boots = home.sensor.resets.length;
      weighed.push(`${(10 + weighed.length / 10).toFixed(1)}00`);
    }
    return 10 + (weighed.length - 1) / 10;
  };
  for (let hour = 0; hour < WEEK_MS / HOUR_MS; hour++) {
    each(hour);
    home.run(HOUR_MS);
  }
  return weighed;
}
