// A 1-Wire bus as its master drives it: reset pulses and time slots, with every device on it at once (wired AND). What a device does
// with the bits is its model's.

export type Bit = 0 | 1;

/** A device on a 1-Wire bus. */
export interface OneWireDevice {
  /** The master's reset pulse. True: it answers with a presence pulse. */
  reset(): boolean;
  /** One time slot. `bit` is what the master does: 1 lets the line go (to write a 1 and to read), 0 holds it low. Returns what the device does: 0 holds it low, too; 1 lets go. */
  slot(bit: Bit): Bit;
}

export class OneWireBus {
  readonly devices: OneWireDevice[] = [];
  /** The line is short to ground. */
  stuck = false;

  attach(device: OneWireDevice): void {
    this.devices.push(device);
  }

  detach(device: OneWireDevice): void {
    const index = this.devices.indexOf(device);
    if (index >= 0) this.devices.splice(index, 1);
  }

  /** A reset pulse; whether anybody answered, or "stuck". */
  reset(): boolean | "stuck" {
    if (this.stuck) return "stuck";
    let present = false;
    for (const device of this.devices) present = device.reset() || present;
    return present;
  }

  /** One time slot; the level that the master samples. */
  slot(bit: Bit): Bit {
    let level: Bit = this.stuck ? 0 : bit;
    for (const device of this.devices) if (device.slot(bit) === 0) level = 0;
    return level;
  }

  /** Least significant bit first. */
  write(bytes: Uint8Array): void {
    for (const byte of bytes) for (let at = 0; at < 8; at++) this.slot(((byte >> at) & 1) as Bit);
  }

  read(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length * 8; at++) if (this.slot(1) === 1) bytes[at >> 3] = bytes[at >> 3]! | (1 << (at & 7));
    return bytes;
  }

  /** A search step, as port_onewire_triplet. */
  triplet(direction: Bit): number {
    const bit = this.slot(1);
    const complement = this.slot(1);
    if (bit === 1 && complement === 1) return 3;
    const written = bit === complement ? direction : bit;
    this.slot(written);
    return bit | (complement << 1) | (written << 2);
  }
}
