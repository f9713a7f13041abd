// The scenarios of tools/scenarios/book/weather.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("weather");
