// The energy meter's wiring: a PZEM-004T on UART 2 (on a chip that has two only, UART 1), its topics and commands. What it does is energy.ts.

import { Appliance } from "../../device/appliance.ts";
import { Pzem } from "../../device/drivers/pzem.ts";
import { TOKENS } from "./config.ts";
import { Energy } from "./energy.ts";

// ESP32-C3 and C6: 16 and 17 belong to the flash or the console there; 6 and 7 are free on both.
const SMALL = native.machine().startsWith("esp32c");
const UART = SMALL ? 1 : 2;
const TX_PIN = SMALL ? 7 : 17;
const RX_PIN = SMALL ? 6 : 16;
const CPU_MHZ = 80;
const MALFUNCTION_EVAL_MS = 5000;
const MALFUNCTION_FORCE_MS = 1_800_000;

native.cpuMhz(CPU_MHZ);
const appliance = new Appliance("energy", TOKENS);

appliance.run(() => {
  const energy = new Energy(appliance.loop, new Pzem(UART, TX_PIN, RX_PIN), (name, text) => {
    appliance.publish(name, text);
  });
  appliance.value("Malfunction", MALFUNCTION_EVAL_MS, MALFUNCTION_FORCE_MS, () => String(energy.malfunction));
  appliance.command("Ticker", (payload) => energy.tick(payload));
  // Beside the appliance's own handler, which knows only of values that are looked at.
  appliance.command("Refresh", (payload, retained, duplicate) => {
    if (payload !== "" && !retained && !duplicate) energy.refresh();
  });
});
