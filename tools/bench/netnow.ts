// Part `netnow`: frames a second of ESP-NOW's codecs on the 32-bit build, and the heap of a program that has nothing else.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundle, buildNative } from "../lib/native_build.ts";
import { HostMachine } from "../sim/host_machine.ts";
import { HostWorld } from "../sim/host_world.ts";
import type { Part } from "./figure.ts";
import { heapIsMissing } from "./heap.ts";

const LIMIT_MS = 60_000;
const STAGES = {
  encode2: "version 2 encoded (AES-CBC, the fleet's MAC)",
  decode2: "version 2 verified and decoded",
  encode3: "version 3 sealed (ChaCha20-Poly1305)",
  decode3: "version 3 opened",
} as const;

export const netnowPart: Part = {
  name: "netnow",
  title: "frames a second through ESP-NOW's codecs, 32-bit build",
  async *measure(say) {
    const missing = await heapIsMissing();
    if (missing !== undefined) {
      say(`netnow is left out: ${missing}`);
      return;
    }
    say("netnow: frames of both versions");
    const folder = mkdtempSync(join(tmpdir(), "hearth-bench-"));
    const entry = join(import.meta.dir, "netnow", "main.ts");
    const { bundle } = await buildBundle({ profile: "netnow_bench", entry, out: join(folder, "bundle.bin") });
    const world = new HostWorld("fast");
    const firmware = (await buildNative({ m32: true })).hearth;
    const args = ["--count-heap"];
    const machine = new HostMachine({ world, firmware, flashDir: join(folder, "flash"), seed: 1, args });
    const perSecond = new Map<string, number>();
    let beganMs = 0;
    machine.board.observe((event) => {
      if (event.kind !== "log") return;
      const [what, stage = "", frames] = event.line.split(" ");
      if (what === "begin") beganMs = performance.now();
      if (what === "end") perSecond.set(stage, (Number(frames) / (performance.now() - beganMs)) * 1000);
    });
    try {
      await machine.installBundle(bundle);
      await machine.powerOn();
      if (!(await world.until(() => perSecond.size === Object.keys(STAGES).length, LIMIT_MS)))
        throw new Error("the codecs' program did not come to its end");
    } finally {
      await world.stop();
      await machine.close();
      rmSync(folder, { recursive: true, force: true });
    }
    for (const [stage, words] of Object.entries(STAGES))
      yield {
        key: `netnow.${stage}PerSecond`,
        value: Math.round(perSecond.get(stage) ?? 0),
        unit: "1/s",
        method: `frames with 128 bytes of payload of ${words}, in bytecode, 20,000 in a row`,
        better: "higher",
      };
    yield {
      key: "netnow.heapBytes",
      value: machine.heap?.live ?? 0,
      unit: "B",
      method: "the engine and a program of both codecs and nothing else, after that",
      better: "lower",
    };
  },
};
