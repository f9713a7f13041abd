// What `bun run ota NAME --via CENTRAL` does, in its order and words: an update of a device that has no network. How it gets there is
// via_session.ts's.

import pc from "picocolors";
import { makeBundle, type OtaOptions, profileFor } from "./ota_bundle.ts";
import { explainException } from "./trace.ts";
import { Shown } from "./update_view.ts";
import { bundleParcel } from "./via_central.ts";
import { ViaSession } from "./via_session.ts";

/** Throws UserError unless the device has confirmed it, or with `wait: false` has it waiting for it. */
export async function otaVia(
  given: string,
  profile: string | undefined,
  via: string,
  options: OtaOptions,
): Promise<void> {
  const show = new Shown(options.json === true);
  const session = await ViaSession.open(given, via, options, show);
  const { device } = session;
  try {
    const found = await session.found();
    const { name, header, bytes: bundle } = await makeBundle(profileFor(profile, found, session.profile), options);
    show.line({ event: "bundle", bundle: name, bytes: bundle.length }, `bundle ${name}, ${bundle.length} bytes`);
    if (found.bundle === name && options.force !== true && found.state === "permanent") {
      show.line({ event: "done", result: "same", bundle: name }, pc.green(`${device} is already running this bundle.`));
      return;
    }
    const parcel = bundleParcel(found, header, bundle, options.changeProfile ?? false);
    const outcome = await session.send(parcel, options.wait);
    if (outcome === undefined) {
      const words = "Not waiting: run it again to see what became of it.";
      show.line({ event: "done", result: "posted", bundle: name }, words);
      return;
    }
    const { result, report } = outcome;
    const why = "why" in outcome ? outcome.why : undefined;
    const exception = result === "rolledBack" ? explainException(outcome.exception, name) : undefined;
    const words =
      result === "confirmed"
        ? pc.green(`${device} has confirmed bundle ${name}.`)
        : result === "trial"
          ? session.tellToKeep(`bundle ${name}`)
          : "";
    show.line({ event: "done", result, bundle: name, why, exception, running: report?.bundle }, words);
    if (words !== "") return;
    const failure = session.failure(`bundle ${name}`, outcome);
    if (exception !== undefined) failure.message += `\n${exception}`;
    throw failure;
  } finally {
    show.end();
    await session.close();
  }
}
