// Runs the cases of native/esp32/test/eth_test.c: the pins, clocks and PHYs of the two Ethernet boards as the chip port gives them to
// ESP-IDF, compiled as for version 5 and as for version 6.

import { describe, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { testCases } from "../support/c_cases.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PORT = join(ROOT, "native", "esp32");

for (const major of [5, 6]) {
  describe(`ESP-IDF ${major}`, async () => {
    await testCases({
      name: `esp32_eth_test_${major}`,
      sources: [join(PORT, "test", "eth_test.c"), join(PORT, "port_net_eth.c")],
      libraries: [`-I${join(PORT, "test", "fake_idf")}`, "-DCONFIG_ETH_USE_ESP32_EMAC=1", `-DFAKE_IDF_MAJOR=${major}`],
      atLeast: 6,
    });
  });
}
