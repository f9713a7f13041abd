// Loaded before every test file (bunfig.toml): installs a `native`, so that modules of device/ can be imported under Bun.

import { freshNative } from "./fresh_native.ts";

freshNative();
