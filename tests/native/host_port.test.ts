// Runs the cases of native/host/test: storage with power cuts, events, RTC memory, the board's client. The program needs no engine.

import { setDefaultTimeout } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { hostPortSources } from "../../tools/lib/native_sources.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { testCases } from "../support/c_cases.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const TESTS = join(ROOT, "native", "host", "test");

await testCases({
  name: "host_port",
  sources: [
    ...hostPortSources(),
    ...readdirSync(TESTS)
      .filter((name) => name.endsWith(".c"))
      .map((name) => join(TESTS, name)),
  ],
  libraries: ["-lmbedcrypto", "-lpthread"],
  folder: true,
});
