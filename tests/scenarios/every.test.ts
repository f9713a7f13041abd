// The scenarios of tools/scenarios/book/every.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("every");
