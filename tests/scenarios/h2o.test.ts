// The scenarios of tools/scenarios/book/h2o.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("h2o");
