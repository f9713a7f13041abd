// The scenarios of tools/scenarios/book/scale.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("scale");
