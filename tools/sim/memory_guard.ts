// What stands between a program and the functions of an in-memory chip's `native`: after a restart none of them returns.

import type { Boot } from "./memory_native.ts";

/** Thrown out of `native` functions that do not return; a chip that restarts throws it out of every call. */
export class ChipReset extends Error {}

/** Makes every function of a chip that restarts throw, since on a chip the restart does not return. */
export function guard(api: Native, boot: Boot): Native {
  const guarded: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(api) as [string, (...args: unknown[]) => unknown][]) {
    const checked = checkedCall(call, boot);
    guarded[name] = Object.defineProperty(checked, "length", { value: call.length });
  }
  return guarded as unknown as Native;
}

/** `call` between two looks at whether the chip restarts. The usual arities have one of their own: millions of calls a simulated hour go
 * through here, and gathering arguments costs more than most of them. */
function checkedCall(call: (...args: unknown[]) => unknown, boot: Boot): (...args: never[]) => unknown {
  const alive = (result?: unknown) => {
    if (boot.dead) throw new ChipReset("the chip restarts");
    return result;
  };
  switch (call.length) {
    case 0:
      return () => {
        alive();
        return alive(call());
      };
    case 1:
      return (a: unknown) => {
        alive();
        return alive(call(a));
      };
    case 2:
      return (a: unknown, b: unknown) => {
        alive();
        return alive(call(a, b));
      };
    case 3:
      return (a: unknown, b: unknown, c: unknown) => {
        alive();
        return alive(call(a, b, c));
      };
    default:
      return (...args: unknown[]) => {
        alive();
        return alive(call(...args));
      };
  }
}
