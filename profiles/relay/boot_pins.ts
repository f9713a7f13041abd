// What the boot sets before the engine starts: active-low relays that must not click.

import type { BootPin } from "../../tools/lib/bundle.ts";
import { RELAY_PINS } from "./relay.ts";

export const bootPins: BootPin[] = RELAY_PINS.map((pin) => ({ pin, mode: 3, level: 1 }));
