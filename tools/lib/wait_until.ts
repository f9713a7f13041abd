// Waiting, in real time, for what another program does.

const LOOK_MS = 10;

/** False when `limitMs` went by before it was done. */
export async function waitUntil(done: () => boolean, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() >= endMs) return false;
    await Bun.sleep(LOOK_MS);
  }
  return true;
}
