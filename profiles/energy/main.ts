// The energy meter's wiring: a PZEM-004T on UART 2, its topics and commands. What it does is energy.ts.

import { Appliance } from "../../device/appliance.ts";
import { Pzem } from "../../device/drivers/pzem.ts";
import { Energy } from "./energy.ts";

const UART = 2;
const TX_PIN = 17;
const RX_PIN = 16;
const CPU_MHZ = 80;
const MALFUNCTION_EVAL_MS = 5000;
const MALFUNCTION_FORCE_MS = 1_800_000;

native.cpuMhz(CPU_MHZ);
const appliance = new Appliance("energy");

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
