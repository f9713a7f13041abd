// The scenarios of tools/scenarios/book/tnow.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("tnow");
