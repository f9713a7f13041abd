// The scenarios of tools/scenarios/book/rx433.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("rx433");
