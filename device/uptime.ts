// The uptime as displays show it.

/** `d:hh:mm:ss` of milliseconds since boot. */
export function uptimeText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const part = (divisor: number, range: number) => String(100 + (Math.floor(seconds / divisor) % range)).slice(1);
  return `${Math.floor(seconds / 86_400)}:${part(3600, 24)}:${part(60, 60)}:${part(1, 60)}`;
}
