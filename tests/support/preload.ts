// Loaded before every test file (bunfig.toml): installs a `native`, so that modules of device/ can be imported under Bun, and gives tests
// the time that they need on a PC which has more to do. (Files one after another in one process have that from the first one only.)

import { setDefaultTimeout } from "bun:test";
import { freshNative } from "./fresh_native.ts";
import { SLOW_TEST_MS } from "./slow.ts";

setDefaultTimeout(SLOW_TEST_MS);
freshNative();
