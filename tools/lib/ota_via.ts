// What `bun run ota NAME --via CENTRAL` does, in its order and words: an update of a device that has no network. The mail and what is told of it
// are via_central.ts's.

import pc from "picocolors";
import { UserError } from "./errors.ts";
import { deviceKey, NetworkDevice, parseSeconds } from "./network_device.ts";
import { makeBundle, type OtaOptions, profileFor } from "./ota_bundle.ts";
import { explainWhy } from "./update.ts";
import { Shown } from "./update_view.ts";
import { MailWatch, updateVia, watchMail } from "./via_central.ts";

/** A retained report is there at once. */
const RETAINED_MS = 2000;

/** Throws UserError unless the device has confirmed it, or with `wait: false` has it waiting for it. */
export async function otaVia(
  given: string,
  profile: string | undefined,
  via: string,
  options: OtaOptions,
): Promise<void> {
  const timeoutMs = 1000 * parseSeconds("--timeout", options.timeout ?? "14400");
  const show = new Shown(options.json === true);
  const { name: device, key } = deviceKey(given, options);
  const { broker, viaConfig } = options;
  const central = await NetworkDevice.connect(via, {
    ...(broker === undefined ? {} : { broker }),
    ...(viaConfig === undefined ? {} : { config: viaConfig }),
  });
  const watch = new MailWatch(central.name, key, options.mac?.replaceAll(":", "").toLowerCase());
  const endWatch = await watchMail(central.broker, watch);
  try {
    if ((await watch.until(() => true, RETAINED_MS)) === undefined)
      show.line({ event: "waiting" }, `${device} has not reported to ${central.name} yet; waiting until it wakes`);
    const found = await watch.until((heard) => heard, timeoutMs);
    if (found === undefined)
      throw new UserError(
        `no report of ${device} came from ${central.name}: check that it is paired and powered, and that its config.txt has this otakey`,
      );
    const running = `${found.profile} ${found.version}, bundle ${found.bundle} (${found.state})`;
    show.line({ event: "found", mac: watch.mac, ...found }, `${device} reported last: ${running}`);
    const { name, header, bytes: bundle } = await makeBundle(profileFor(profile, found), options);
    show.line({ event: "bundle", bundle: name, bytes: bundle.length }, `bundle ${name}, ${bundle.length} bytes`);
    if (found.bundle === name && options.force !== true && found.state === "permanent") {
      show.line({ event: "done", result: "same", bundle: name }, pc.green(`${device} is already running this bundle.`));
      return;
    }
    const outcome = await updateVia({
      watch,
      otakey: key,
      header,
      bundle,
      changeProfile: options.changeProfile ?? false,
      timeoutMs,
      open: () => central.openLink(),
      wait: options.wait,
      onEvent: (event) => {
        if (event.event !== "posted") show.event(event);
        else show.line(event, `left at ${central.name}; ${device} takes it when it wakes`);
      },
    });
    if (outcome === undefined) {
      show.line(
        { event: "done", result: "posted", bundle: name },
        "Not waiting: run it again to see what became of it.",
      );
      return;
    }
    const why = "why" in outcome ? outcome.why : undefined;
    const confirmed = outcome.result === "confirmed";
    show.line(
      { event: "done", result: outcome.result, bundle: name, why, running: outcome.report?.bundle },
      confirmed ? pc.green(`${device} has confirmed bundle ${name}.`) : "",
    );
    if (confirmed) return;
    if (outcome.result === "silent")
      throw new UserError(
        `${device} has not told of bundle ${name} in ${timeoutMs / 1000} s: the mail stays at ${central.name}, and it goes on when it wakes`,
      );
    const done =
      outcome.result === "refused"
        ? `refused bundle ${name}: ${why}`
        : `took bundle ${name} back: ${explainWhy(why ?? "")}`;
    throw new UserError(`${device} ${done}. It runs ${outcome.report?.bundle} (${outcome.report?.state}).`);
  } finally {
    show.end();
    await endWatch();
    await central.close();
  }
}
