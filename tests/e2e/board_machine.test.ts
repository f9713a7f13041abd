// Proves that the end-to-end tests run on a board that is known by its name only: HEARTH_MACHINE=board:NAME against a host firmware in another
// process, which they reach as they would a chip: a broker's address, a device file with the otakey, and a serial port.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { SerialCable } from "../../tools/sim/serial_cable.ts";
import { energyBench } from "../support/energy_bench.ts";
import { hostTest } from "../support/machine_under_test.ts";
import { LINK_PACE } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const folder = mkdtempSync(join(tmpdir(), "hearth-boards-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function testsOn(machine: string, env: Record<string, string>): Promise<string> {
  const child = Bun.spawn([process.execPath, "test", "tests/e2e/any_machine"], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", HEARTH_MACHINE: machine, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return `${out}${err}\nexit ${await child.exited}`;
}

hostTest(
  "all that does not touch what is around the device passes on a board; the rest is left out aloud",
  async () => {
    const cable = new SerialCable();
    const { bench, close } = await energyBench(undefined, {
      name: "kitchen",
      pace: LINK_PACE,
      args: ["--serial", cable.devicePath],
    });
    try {
      // The only words that the tests know it by are these.
      await Bun.write(join(folder, "kitchen.txt"), bench.config);
      await bench.machine.powerOn();
      bench.world.start();
      const said = await testsOn("board:kitchen", { HEARTH_DEVICES: folder, SERIAL_PORT: cable.path ?? "" });
      expect(said).toContain(" 11 pass\n 6 skip\n 0 fail");
      expect(said).toContain("exit 0");
      for (const [ability, test] of [
        ["uart", "what the meter measures is on the broker after its first window"],
        ["power", "a power cut leads back to the broker"],
        ["network", "a device whose network goes away comes back to the broker when it returns"],
        ["pins", "the LED on pin 2 blinks"],
        ["resets", "the reason of the reset"],
      ]) {
        expect(said).toContain(`left out: "${test}": board:kitchen has no ${ability}`);
      }
    } finally {
      await close();
      cable.close();
    }
  },
);

test("a machine that there is not is refused, with those that there are", async () => {
  const said = await testsOn("toaster", {});
  expect(said).toContain("toaster is no machine: process, host, qemu, qemu:esp32|esp32c3, or board:NAME");
  expect(said).toContain("exit 1");
});
