// The scenarios of tools/scenarios/book/termo.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("termo");
