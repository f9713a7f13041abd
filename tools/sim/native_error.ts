// The errors that an in-memory chip throws, as the firmware does: enum port_error of native/port.h.

export const EINVAL = -2;
export const EIO = -3;
export const ENOMEM = -4;
export const ENOENT = -5;
export const ETIMEOUT = -6;
export const EFULL = -8;
export const EBUSY = -10;
export const EBAD = -11;

/** What the firmware's functions throw. */
export function nativeError(code: number, message: string): NativeError {
  return Object.assign(new Error(message), { code });
}

/** Throws when the chip has no such pin. */
export function checkPin(pin: number): void {
  if (!(pin >= 0 && pin <= 63)) throw nativeError(EINVAL, `no pin ${pin}`);
}
