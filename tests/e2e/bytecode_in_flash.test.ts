// The bytecode is executed where it lies in flash: the engine counts no byte of code on its heap (js_func_code_size == 0, which the boot line
// tells as "bytecode in flash: yes"), and a bundle whose names come out at other numbers runs all the same, from the heap, and says so.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { decodeHeader, encodeBundle, HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const BOOT_LINE = /^boot: .*, bytecode in flash: (yes|no), heap raw \d+ base \d+ now (\d+)$/;

/** The names stand at the beginning of the bytecode, behind its version and their number. */
const FIRST_NAME_MAX = 64;

interface Boot {
  inFlash: string;
  /** Bytes of heap when the bundle is loaded, before it runs. */
  heap: number;
}

/** Boots a bundle until it has published; `undefined`: a chip without one, until recovery runs. */
async function boot(bundle?: Uint8Array): Promise<Boot> {
  const energy = await energyBench(bundle ?? new Uint8Array(0x200));
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  const online = energy.published("VA");
  expect(await energy.saw((event) => online(event) || (bundle === undefined && event.kind === "connect"))).toBe(true);
  for (const event of energy.seen) {
    const found = event.kind === "log" ? BOOT_LINE.exec(event.line) : null;
    if (found !== null) return { inFlash: found[1] ?? "", heap: Number(found[2]) };
  }
  throw new Error("there is no boot line in the log");
}

/** The bundle with another first name in its bytecode, of the same length. */
function withAnotherFirstName(bundle: Uint8Array): Uint8Array {
  const header = decodeHeader(bundle);
  if (typeof header === "string") throw new Error(header);
  const body = Buffer.from(bundle.subarray(HEADER_BYTES));
  const at = body.indexOf("AggregateError");
  if (at < 0 || at > FIRST_NAME_MAX) throw new Error(`the first name of the bytecode is at ${at}`);
  body.write("AggregateErroX", at);
  return encodeBundle(body, header);
}

test("a bundle's bytecode stays in flash", async () => {
  expect((await boot(await profileBundle("energy"))).inFlash).toBe("yes");
});

test("the recovery bundle's bytecode stays in the firmware's image", async () => {
  expect((await boot()).inFlash).toBe("yes");
});

test("bytecode whose names come out at other numbers runs from the heap, and the boot line says so", async () => {
  const bundle = await profileBundle("energy");
  const [inFlash, inHeap] = [await boot(bundle), await boot(withAnotherFirstName(bundle))];
  expect(inHeap.inFlash).toBe("no");
  // The copy is most of the body; the rest is names and constants, which are on the heap either way.
  expect(inHeap.heap - inFlash.heap).toBeGreaterThan((bundle.length - HEADER_BYTES) / 4);
  console.log(
    `bytecode on the heap costs ${inHeap.heap - inFlash.heap} bytes of a ${bundle.length - HEADER_BYTES}-byte body`,
  );
});
