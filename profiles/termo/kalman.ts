// A Kalman filter for one slowly changing quantity that is measured directly. Units are the caller's.

export class Kalman {
  value: number;
  private variance: number;

  /** Begins with the first measurement, trusted with `firstSigma`. `drift` is the variance that a minute adds. */
  constructor(
    measured: number,
    private readonly sensorSigma: number,
    firstSigma: number,
    private readonly drift: number,
  ) {
    this.value = measured;
    this.variance = firstSigma * firstSigma;
  }

  /** Takes a measurement, so many minutes after the last one. */
  update(measured: number, minutes: number): void {
    const predicted = this.variance + this.drift * minutes;
    const gain = predicted / (predicted + this.sensorSigma * this.sensorSigma);
    this.value += gain * (measured - this.value);
    this.variance = (1 - gain) * predicted;
  }

  get sigma(): number {
    return Math.sqrt(this.variance);
  }
}
