// The fuzz targets in TypeScript. Some run code of the device, which finds its `native` in the global scope.

import { freshNative } from "../support/fresh_native.ts";
import type { ScriptTarget } from "./target.ts";
import { cobs } from "./targets/cobs.ts";
import { link } from "./targets/link.ts";
import { mail } from "./targets/mail.ts";
import { mqtt } from "./targets/mqtt.ts";
import { serial } from "./targets/serial.ts";

freshNative();

export const scriptTargets: readonly ScriptTarget[] = [cobs, link, mail, mqtt, serial];
