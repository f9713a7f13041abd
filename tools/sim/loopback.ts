// Loopback addresses for virtual machines, one each, as real devices have addresses of their own.

let machines = 0;

/** An address of 127/8 that no other machine of this process has, and hardly one of another process. */
export function loopbackAddress(): string {
  machines++;
  const process32 = (process.pid * 2654435761) >>> 0;
  return `127.${64 + (process32 & 63)}.${(process32 >>> 8) & 255}.${1 + (((process32 >>> 16) + machines) % 254)}`;
}
