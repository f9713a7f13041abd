// Counters in NVS, in the namespace `netstats` that the old fleet used; the numbers of boots are the firmware's (docs/WIRE.md).

/** The count, 0 when there is none. */
export function readCount(key: string): number {
  return Number(native.nvsGet("netstats", key)) || 0;
}

/** Counts one event. A medium that fails is not worth a restart: the event is then not counted. */
export function countEvent(key: string): void {
  try {
    native.nvsSet("netstats", key, String(readCount(key) + 1));
  } catch (_) {
    native.log(`cannot count ${key}`);
  }
}

export function resetCounts(): void {
  native.nvsRemove("netstats", "connlost");
  native.nvsRemove("netstats", "mqttlost");
  native.nvsRemove("hearth", "boots");
}
