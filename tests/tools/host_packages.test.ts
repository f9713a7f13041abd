// Proves the one command that a person is told when something is missing and is not ours to install.

import { expect, test } from "bun:test";
import { installCommand, PARTS, type Part } from "../../tools/lib/host_packages.ts";

const part = (...packages: string[]): Part => ({
  what: packages.join(),
  packages,
  required: true,
  present: async () => false,
});

test("one command brings all that is missing, each package once", () => {
  expect(installCommand([part("cmake"), part("gcc", "libc6-dev"), part("gcc")], false)).toBe(
    "apt-get update && apt-get install -y --no-install-recommends cmake gcc libc6-dev",
  );
});

test("a package of the other architecture has it added first, and who is not root is told sudo", () => {
  expect(installCommand([part("libmbedtls-dev:i386")], true)).toBe(
    "sudo dpkg --add-architecture i386 && sudo apt-get update && " +
      "sudo apt-get install -y --no-install-recommends libmbedtls-dev:i386",
  );
});

test("what the README asks for and what only tests need are told apart", () => {
  const optional = PARTS.filter((each) => !each.required).flatMap((each) => each.packages);
  expect(optional).toEqual(["gcc-multilib", "libmbedtls-dev:i386", "mosquitto"]);
});
