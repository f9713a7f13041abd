// `bun run setup`: makes this machine able to build Hearth, and builds the firmware for it, so that no later command has to. Quick when
// there is nothing to do; `bun install` runs it too.

import { Command } from "commander";
import pc from "picocolors";
import { main, progress } from "./lib/cli.ts";
import { messageOf } from "./lib/errors.ts";
import { ensureEngine } from "./lib/fetch_engine.ts";
import { ensureParts } from "./lib/host_packages.ts";
import { hostFirmware } from "./sim/firmware.ts";

const program = new Command("setup")
  .description(
    "Checks the C compiler, CMake and mbedTLS (installs them as root on Debian), brings the pinned QuickJS source, and builds the " +
      "firmware for this PC.",
  )
  .option("--mirror <uri>", "Debian mirror to get the source from (also HEARTH_DEBIAN_MIRROR)")
  .option("--archive <file>", "local archive of the source (also HEARTH_QUICKJS_ARCHIVE)")
  .option("--json", "end with one JSON line")
  .addHelpText("after", "\nExample:\n  bun run setup --mirror http://MIRROR/debian")
  .action(async (options: { mirror?: string; archive?: string; json?: boolean }) => {
    await ensureParts(progress);
    const engine = await ensureEngine({ mirror: options.mirror, archive: options.archive, progress });
    await buildFirmware();
    if (options.json) console.log(JSON.stringify({ ready: true, engineId: engine.id }));
    else console.log(`${pc.green("ready")}  engine ${engine.id}, C compiler, CMake and mbedTLS are in place`);
  });

/** A firmware that does not build is no reason to leave a checkout without its packages: whatever needs it says so again. */
async function buildFirmware(): Promise<void> {
  try {
    await hostFirmware(progress);
  } catch (thrown) {
    progress(`The firmware does not build: ${messageOf(thrown)}`);
  }
}

if (import.meta.main) await main(program);
