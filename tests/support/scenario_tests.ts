// A test for each scenario of a kind: it is true in this process and on the host firmware, and both did the same.

import { expect, setDefaultTimeout, test } from "bun:test";
import { scenariosNamed } from "../../tools/scenarios/all.ts";
import { difference } from "../../tools/scenarios/compare.ts";
import { playOn } from "../../tools/scenarios/run.ts";
import { chooseMachine } from "../../tools/sim/machines.ts";
import { SLOW_TEST_MS } from "./slow.ts";

export function scenarioTests(kind: string): void {
  setDefaultTimeout(SLOW_TEST_MS);
  for (const scenario of scenariosNamed(kind)) {
    test(`${scenario.name}: ${scenario.proves.join(", ")}`, async () => {
      const here = await playOn(chooseMachine("process"), scenario);
      expect(here.failures).toEqual([]);
      const there = await playOn(chooseMachine("host"), scenario);
      expect(there.failures).toEqual([]);
      expect(difference(here, there)).toEqual([]);
    });
  }
}
