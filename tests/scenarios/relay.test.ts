// The scenarios of tools/scenarios/book/relay.ts on both machines.

import { scenarioTests } from "../support/scenario_tests.ts";

scenarioTests("relay");
