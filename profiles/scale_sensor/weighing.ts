// From samples of a scale to one weight. Pure; taking the samples is scale_sensor.ts.

export const SAMPLES = 12;
/** At least so many have to stay. */
export const KEPT_MIN = 8;
/** Samples further from the mean are dropped. */
export const SPREAD_KG = 0.05;

/** The mean in kg of what lies near the mean; undefined when too few do. */
export function weigh(samples: readonly number[]): number | undefined {
  const middle = mean(samples);
  const kept = samples.filter((kg) => Math.abs(kg - middle) <= SPREAD_KG);
  return kept.length < KEPT_MIN ? undefined : mean(kept);
}

function mean(samples: readonly number[]): number {
  let sum = 0;
  for (const kg of samples) sum += kg;
  return sum / samples.length;
}
