// `bun run pcp LOCAL REMOTE`: copies a file to the device on a serial port. The device takes it only when all of it has verified.

import { existsSync, readFileSync, statSync } from "node:fs";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { checkRemoteName, putFile } from "./lib/put_file.ts";
import { SerialDevice, type SerialOptions, withFaultOption, withSerialOptions } from "./lib/serial_device.ts";
import { Shown } from "./lib/update_view.ts";

export const program = withFaultOption(
  withSerialOptions(
    new Command("pcp")
      .description("Copies a file to the device on a serial port.")
      .argument("<local>", "the file on this PC")
      .argument("<remote>", "its name on the device, as dir/name.txt")
      .option("--force", "send it even if the device has the same already"),
  ),
)
  .addHelpText(
    "after",
    `
Example:
  bun run pcp web/index.html index.html
What a pulled cable or a restart breaks off goes on where it was, also in the next run.
For config.txt there is pcp_conf, which checks it first.
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  )
  .action((local: string, remote: string, options: SerialOptions & { force?: boolean }) =>
    copy(local, remote, options),
  );

async function copy(local: string, remote: string, options: SerialOptions & { force?: boolean }): Promise<void> {
  checkRemoteName(remote);
  if (!existsSync(local) || !statSync(local).isFile()) throw new UsageError(`there is no file ${local}`);
  const content = new Uint8Array(readFileSync(local));
  const show = new Shown(options.json === true, "connected");
  const device = new SerialDevice(options, (line) => show.line({ event: "waiting", why: line }, line));
  try {
    await device.session((client) => putFile(client, remote, content, show, options.force));
  } finally {
    show.end();
    if (device.fault !== undefined) show.fault(device.fault);
  }
}

if (import.meta.main) await main(program);
