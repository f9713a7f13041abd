// Runs the cases of native/host/test: storage with power cuts, events, RTC memory, the board's client. The program needs no engine.

import { setDefaultTimeout } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { testCases } from "../support/c_cases.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const HOST = join(ROOT, "native", "host");

await testCases({
  name: "host_port",
  sources: [HOST, join(HOST, "test")]
    .flatMap((from) => readdirSync(from).map((name) => join(from, name)))
    .filter((path) => path.endsWith(".c") && !path.endsWith("port_main.c")),
  libraries: ["-lmbedcrypto", "-lpthread"],
  folder: true,
});
