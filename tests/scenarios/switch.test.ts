// The scenarios of tools/scenarios/book/switch.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("switch");
