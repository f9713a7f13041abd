// Every profile has a sample configuration that its own schema takes.

import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkConfig } from "../../tools/lib/config_file.ts";
import { ROOT } from "../../tools/lib/paths.ts";

const folder = join(ROOT, "profiles");
const profiles = readdirSync(folder).filter((name) => existsSync(join(folder, name, "config.ts")));

test.each(profiles)("%s", async (profile) => {
  const sample = await Bun.file(join(folder, profile, "config.sample.txt")).text();
  expect(await checkConfig(profile, sample)).toMatchObject({ values: {} });
});
