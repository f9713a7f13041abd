// The scenarios of tools/scenarios/book/energy.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("energy");
