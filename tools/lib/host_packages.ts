// What this machine needs besides Bun to build the firmware, how to find out, and how to get it on Debian.

import { existsSync, readFileSync } from "node:fs";
import { UserError } from "./errors.ts";
import { mustRun, run } from "./run.ts";

export interface Part {
  what: string;
  /** Debian packages that bring it. */
  packages: readonly string[];
  /** Without it nothing can be built; the others serve tests and measurements. */
  required: boolean;
  present(): Promise<boolean>;
}

const CRYPTO_PROBE =
  "#include <stdio.h>\n#include <psa/crypto.h>\nint main(void) { return (int)psa_crypto_init() + (int)sizeof(FILE); }\n";

export const PARTS: readonly Part[] = [
  { what: "tar", packages: ["tar"], required: true, present: () => has("tar") },
  { what: "xz", packages: ["xz-utils"], required: true, present: () => has("xz") },
  { what: "git", packages: ["git"], required: true, present: () => has("git") },
  { what: "CMake", packages: ["cmake"], required: true, present: () => has("cmake") },
  { what: "make", packages: ["make"], required: true, present: () => has("make") },
  {
    what: "a C compiler",
    packages: ["gcc", "libc6-dev"],
    required: true,
    present: () => compiles("int main(void) { return 0; }\n", []),
  },
  {
    what: "mbedTLS's headers and library",
    packages: ["libmbedtls-dev"],
    required: true,
    present: () => compiles(CRYPTO_PROBE, ["-lmbedcrypto"]),
  },
  {
    what: "the 32-bit C library and mbedTLS (for the build that has a chip's heap figures)",
    packages: ["gcc-multilib", "libmbedtls-dev:i386"],
    required: false,
    // Other processors have no such build; tests that need it say that they left it out.
    present: async () => process.arch !== "x64" || (await compiles(CRYPTO_PROBE, ["-m32", "-lmbedcrypto"])),
  },
  { what: "mosquitto (for one test)", packages: ["mosquitto"], required: false, present: async () => hasMosquitto() },
];

/** True when the 32-bit build can be made here. */
export function has32BitParts(): Promise<boolean> {
  return process.arch === "x64" ? compiles(CRYPTO_PROBE, ["-m32", "-lmbedcrypto"]) : Promise.resolve(false);
}

/** The parts that are not here. */
export async function missingParts(): Promise<Part[]> {
  const present = await Promise.all(PARTS.map((part) => part.present()));
  return PARTS.filter((_, index) => !present[index]);
}

/** The one command that brings `parts` on a Debian machine. */
export function installCommand(parts: readonly Part[], sudo: boolean): string {
  const as = sudo ? "sudo " : "";
  return installSteps(parts)
    .map((step) => as + step.join(" "))
    .join(" && ");
}

function installSteps(parts: readonly Part[]): string[][] {
  const packages = [...new Set(parts.flatMap((part) => part.packages))];
  const steps: string[][] = [];
  if (packages.some((name) => name.endsWith(":i386"))) steps.push(["dpkg", "--add-architecture", "i386"]);
  steps.push(["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", ...packages]);
  return steps;
}

/** Installs what is missing when that is ours to do (root on Debian); else throws, or warns when only tests need it. */
export async function ensureParts(progress: (line: string) => void): Promise<void> {
  const missing = await missingParts();
  if (missing.length === 0) return;
  const names = missing.map((part) => part.what).join(", ");
  if (process.getuid?.() !== 0 || !isDebian()) {
    const advice = `Missing: ${names}.\nOn Debian this brings it:\n  ${installCommand(missing, process.getuid?.() !== 0)}`;
    if (missing.some((part) => part.required)) throw new UserError(advice);
    progress(advice);
    return;
  }
  progress(`Missing: ${names}. Installing (this takes a minute or two)`);
  const required = missing.filter((part) => part.required);
  const optional = missing.filter((part) => !part.required);
  if (required.length > 0) await install(required, progress);
  for (const part of optional) {
    try {
      await install([part], progress);
    } catch (thrown) {
      progress(`Going on without ${part.what}: ${(thrown as Error).message}`);
    }
  }
  const still = (await missingParts()).filter((part) => part.required);
  if (still.length > 0)
    throw new UserError(`Still missing after installing: ${still.map((part) => part.what).join(", ")}.`);
}

async function install(parts: readonly Part[], progress: (line: string) => void): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  for (const step of installSteps(parts)) {
    progress(`  ${step.join(" ")}`);
    // One unreachable third-party archive must not keep the others from being used.
    if (step[1] === "update") await run(step, { env });
    else await mustRun("Installing", step, { env });
  }
}

function isDebian(): boolean {
  return (
    existsSync("/etc/debian_version") &&
    Bun.which("apt-get") !== null &&
    /debian/.test(readFileSync("/etc/os-release", "utf8"))
  );
}

async function has(program: string): Promise<boolean> {
  return Bun.which(program) !== null;
}

function hasMosquitto(): boolean {
  return Bun.which("mosquitto") !== null || existsSync("/usr/sbin/mosquitto");
}

async function compiles(source: string, flags: readonly string[]): Promise<boolean> {
  const compiler = process.env["CC"] ?? "cc";
  const result = await run([compiler, "-x", "c", "-", "-o", "/dev/null", ...flags], { stdin: source });
  return result.code === 0;
}
