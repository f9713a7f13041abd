// The energy meter's wiring: a PZEM-004T on UART 2 (on a chip that has two only, UART 1), its topics and commands. What it does is energy.ts.

import { Appliance } from "../../device/appliance.ts";
import { Pzem } from "../../device/drivers/pzem.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
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
/** Options of Home Assistant's components by what they measure; the readings of `Ticker` are old after a while without one. */
const VOLTS = `"dev_cla":"voltage","unit_of_meas":"V","stat_cla":"measurement"`;
const AMPS = `"dev_cla":"current","unit_of_meas":"A","stat_cla":"measurement"`;
const WATTS = `"dev_cla":"power","unit_of_meas":"W","stat_cla":"measurement"`;
const VOLT_AMPS = `"dev_cla":"apparent_power","unit_of_meas":"VA","stat_cla":"measurement"`;
const NOW = `"exp_aft":10`;

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
  announce(
    appliance,
    () => `V sensor "name":"Voltage",${VOLTS}
Vmin sensor "name":"Voltage lowest",${VOLTS}
Vmax sensor "name":"Voltage highest",${VOLTS}
A sensor "name":"Current",${AMPS}
Amax sensor "name":"Current highest",${AMPS}
W sensor "name":"Power",${WATTS}
VA sensor "name":"Apparent power",${VOLT_AMPS}
Vnow sensor "name":"Voltage now",${VOLTS},${NOW}
Anow sensor "name":"Current now",${AMPS},${NOW}
Wnow sensor "name":"Power now",${WATTS},${NOW}
VAnow sensor "name":"Apparent power now",${VOLT_AMPS},${NOW}
Ticker button "name":"Every reading for a minute","cmd_t":"$/Ticker","pl_prs":"on"
${PROBLEM}`,
  );
});
