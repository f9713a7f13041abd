// Proof of reachability: a nonce of the device's own that came back through the broker. It makes a trial permanent, and what the
// network parameters were at that moment is kept for the recovery bundle.

import type { Appliance } from "./appliance.ts";
import { REACH_TOKENS } from "./config.ts";
import type { Task } from "./loop.ts";
import { keepGood } from "./recovery.ts";

export const RETRY_MS = 5000;
/** A device without a network proves itself by running for so long. */
export const ALONE_MS = 60_000;
export class Proof {
  /** True once this boot has proved itself. */
  done: boolean;
  private nonce: string;
  private readonly task: Task;

  constructor(private readonly appliance: Appliance) {
    this.done = false;
    this.nonce = "";
    this.task = appliance.loop.task(() => this.send(), true, "proof");
  }

  /** Once in each start: publishes a new nonce to the device itself until it comes back. */
  begin(): void {
    if (this.done) return;
    this.nonce = "";
    const bytes = native.random(8);
    for (let index = 0; index < 8; index++) this.nonce += (256 + (bytes[index] as number)).toString(16).slice(1);
    this.task.every(RETRY_MS);
    // Not in the first seconds of a program that has found the network up: one that throws in them is taken back.
    if (native.now() >= RETRY_MS) this.send();
  }

  /** The payload of a `proof` command: ours, or somebody else's. */
  came(payload: string): void {
    if (this.done || this.nonce === "" || payload !== `proof ${this.nonce}`) return;
    this.task.stop();
    this.confirm(this.appliance.config.textOr("keep", "auto") === "auto");
    keepGood(this.appliance.config, REACH_TOKENS);
  }

  /** Makes what is on trial permanent if `trialToo`; the crash count is cleared unless the bundle stays a trial. The recovery bundle speaks
   * for firmware and configuration as well: who can be reached can be updated. */
  confirm(trialToo: boolean): void {
    this.done = true;
    const info = native.bundleInfo();
    if (trialToo) {
      const firmware = native.firmwareInfo();
      if (firmware.state === 1) {
        native.firmwareConfirm();
        this.appliance.log.line(`firmware confirmed ${firmware.hash}`);
      }
      if (native.configInfo().trial) {
        native.configConfirm();
        if (!native.configInfo().trial) this.appliance.log.line("config confirmed");
      }
    }
    if (info.state === 0 || (info.state === 1 && !trialToo)) return;
    native.bundleConfirm();
    if (info.state === 1) this.appliance.log.line(`trial confirmed ${info.hash}`);
  }

  private send(): void {
    const appliance = this.appliance;
    appliance.mqtt.publish(`cmnd/${appliance.name}/OTA`, `proof ${this.nonce}`);
  }
}
