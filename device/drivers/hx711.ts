// The HX711 of a scale: one reading at a time, and its sleep. Clocking is native; averaging is the profile's.
// Source: Avia Semiconductor HX711 datasheet, sections "Serial interface" and "Reset and power-down".

const OUTPUT = 3;
/** 25 pulses: the next reading is channel A with a gain of 128. */
const PULSES = 25;

export class Hx711 {
  constructor(
    private readonly dataPin: number,
    private readonly clockPin: number,
  ) {
    native.pinMode(dataPin, 0, 0);
    native.pinMode(clockPin, OUTPUT, 0);
  }

  /** -8388608..8388607; undefined while no reading is ready (10 a second come by themselves). */
  read(): number | undefined {
    return native.hx711Read(this.dataPin, this.clockPin, PULSES);
  }

  /** The part sleeps while its clock stays high for more than 60 us. */
  powerDown(): void {
    native.pinWrite(this.clockPin, 1);
  }
}
