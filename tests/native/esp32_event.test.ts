// Runs the cases of native/esp32/test: the chip port's event queue and wait, on this PC, over the few names of ESP-IDF that they need.

import { setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { testCases } from "../support/c_cases.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PORT = join(ROOT, "native", "esp32");

await testCases({
  name: "esp32_event_test",
  sources: [join(PORT, "test", "event_test.c"), join(PORT, "port_event.c")],
  libraries: [`-I${join(PORT, "test", "fake_idf")}`, "-lpthread"],
  atLeast: 8,
});
