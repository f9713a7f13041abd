// Deep sleep and RTC memory of an in-memory chip.

import { ChipReset } from "./memory_guard.ts";
import type { MemoryChip } from "./memory_native.ts";
import { EINVAL, nativeError } from "./native_error.ts";

/** Bytes of RTC memory that are the program's. */
export const RTC_BYTES = 128;
const SLEEP_MAX_MS = 366 * 86_400_000;

export function sleepApi(chip: MemoryChip): Pick<Native, "deepSleep" | "rtcRead" | "rtcWrite"> {
  return {
    deepSleep: (ms) => {
      if (!(ms >= 0 && ms <= SLEEP_MAX_MS)) throw nativeError(EINVAL, `cannot sleep for ${ms} ms`);
      chip.reset("deep sleep", { kind: "sleep" }, false, Math.ceil(ms * 1000));
      throw new ChipReset("deep sleep");
    },
    rtcRead: () => chip.rtc.slice(),
    rtcWrite: (bytes) => {
      if (bytes.length > RTC_BYTES) throw nativeError(EINVAL, `${bytes.length} bytes do not fit into RTC memory`);
      chip.rtc.set(bytes);
    },
  };
}
