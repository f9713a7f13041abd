// `bun run new_profile NAME`: makes an appliance of one's own that builds, runs and has a test.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { NAME_BYTES_MAX } from "./lib/bundle.ts";
import { main } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { ROOT } from "./lib/paths.ts";
import { profileFiles } from "./lib/profile_template.ts";

/** A name is a folder's, and stands in the bundle's header. */
const NAME = /^[a-z][a-z0-9_]*$/;
/** Files that every profile has: the behaviour's cannot be called so. */
const TAKEN = ["main", "config", "boot_pins"];

export const program = new Command("new_profile")
  .description("Makes profiles/NAME and its test: a lamp on a pin, to be changed into the appliance that it is to be.")
  .argument("<name>", `the profile's name: up to ${NAME_BYTES_MAX} lower-case letters, digits and _`)
  .option("--json", "one JSON object")
  .addHelpText(
    "after",
    `
Example:
  bun run new_profile doorbell
Then docs/PROFILE.md, which makes a doorbell of it in a quarter of an hour.
Exit codes: 0 made, 1 there is such a profile or it cannot be written, 2 wrong usage.`,
  )
  .action((name: string, options: { json?: boolean }) => make(name, options.json === true));

function make(name: string, json: boolean): void {
  if (!NAME.test(name) || name.length > NAME_BYTES_MAX)
    throw new UsageError(
      `${name}: a profile's name has 1 to ${NAME_BYTES_MAX} lower-case letters, digits and _, a letter first`,
    );
  if (TAKEN.includes(name)) throw new UsageError(`${name}: every profile has a file of that name, take another one`);
  const files = profileFiles(name);
  for (const place of [`profiles/${name}`, ...files.keys()])
    if (existsSync(join(ROOT, place))) throw new UserError(`${place} exists: take another name, or remove it first`);
  for (const [path, content] of files) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content, { flag: "wx" });
  }
  if (json) {
    console.log(JSON.stringify({ profile: name, files: [...files.keys()] }));
    return;
  }
  console.log(`made:\n  ${[...files.keys()].join("\n  ")}`);
  console.log(
    `next:
  bun test tests/profiles/${name}.test.ts
  bun run sim ${name}                     then: cmd Lamp on, look
  bun run bench heap size --budget        when it is what it is to be: commit profiles/budget.json with it
  and in README.md, table Appliances:     | \`${name}\` | what it is |`,
  );
}

if (import.meta.main) await main(program);
