// Runs the cases of native/test: the common C code that has no engine in it, over a small fake of port.h.

import { setDefaultTimeout } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { testCases } from "../support/c_cases.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import published from "../vectors/noise_nnpsk0.json";

setDefaultTimeout(SLOW_TEST_MS);

const NATIVE = join(ROOT, "native");
const TESTS = join(NATIVE, "test");

await testCases({
  name: "native_test",
  sources: [
    ...readdirSync(TESTS)
      .filter((name) => /^native_.*\.c$/.test(name))
      .map((name) => join(TESTS, name)),
    ...[
      "bundle_header",
      "slots",
      "patch",
      "slot_patch",
      "boot",
      "config_trial",
      "digest",
      "edge_burst",
      "firmware",
      "path",
      "noise",
      "recovery",
      "text",
      "trials",
    ].map((name) => join(NATIVE, `${name}.c`)),
  ],
  libraries: ["-lmbedcrypto"],
  input: (name) => (name === "noise_published" ? publishedAsWords() : undefined),
});

/** The published vectors as native_noise.c reads them. */
function publishedAsWords(): string {
  const lines = published.vectors.map((vector) => {
    const head = [vector.init_prologue, vector.init_psks[0], vector.init_ephemeral, vector.resp_ephemeral];
    const hash = "handshake_hash" in vector ? vector.handshake_hash : "";
    const messages = vector.messages.map(({ payload, ciphertext }) => `message ${payload || "-"} ${ciphertext}`);
    return [`vector ${[...head, hash].map((word) => word || "-").join(" ")}`, ...messages].join("\n");
  });
  return `${lines.join("\n")}\n`;
}
