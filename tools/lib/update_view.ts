// What a person sees of an update: a line for each step and a bar for the bytes, or one JSON object for each. The steps are update.ts's.

import { Presets, SingleBar } from "cli-progress";
import pc from "picocolors";
import type { LinkFault } from "./link_faults.ts";
import { explainWhy, type UpdateEvent } from "./update.ts";

export function kilobytes(bytes: Uint8Array): string {
  return `${(bytes.length / 1024).toFixed(1)} KB`;
}

/** What the user sees: lines and a bar, or JSON. */
export class Shown {
  readonly #json: boolean;
  readonly #connected: string;
  #bar: SingleBar | undefined;
  #lastTenth = -1;

  constructor(json: boolean, connected = "connected, key verified") {
    this.#json = json;
    this.#connected = connected;
  }

  /** One step, as JSON or as words. */
  line(json: object, words: string): void {
    this.end();
    if (this.#json) console.log(JSON.stringify(json));
    else if (words !== "") console.log(words);
  }

  /** What the device said to a misbehaviour on purpose. */
  fault(fault: LinkFault): void {
    const { name, used, answers } = fault;
    const said = answers.length === 0 ? "nothing was said to it" : answers.join("; ");
    this.line(
      { event: "fault", name, used, answers },
      used ? `--fault ${name}: ${said}` : `--fault ${name} was not used: no content was sent`,
    );
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  event(event: UpdateEvent): void {
    if (event.event === "progress") this.#progress(event.done, event.total);
    else if (event.event === "connected")
      this.line({ event: "connected", machine: event.hello.machine }, this.#connected);
    else this.line(event, this.#words(event));
  }

  #words(event: Exclude<UpdateEvent, { event: "progress" | "connected" }>): string {
    switch (event.event) {
      case "same":
        return `the device runs this bundle already (${event.state})`;
      case "rejectedBefore":
        return pc.yellow(`this bundle was taken back before: ${explainWhy(event.why)}; sending it again`);
      case "retry":
        return pc.yellow(`broken off (${event.why}); going on`);
      case "resumed":
        return `the device has ${event.offset} of ${event.total} bytes already; going on from there`;
      case "committed":
        return event.sentBytes === undefined
          ? "verified and committed"
          : `verified and committed; ${event.sentBytes} bytes were sent`;
      case "restarting":
        return "restarting";
      case "trial":
        return "on trial: waiting until the device has proved that it can be reached";
    }
  }

  #progress(done: number, total: number): void {
    const tenth = total === 0 ? 10 : Math.floor((done * 10) / total);
    if (!this.#json && process.stdout.isTTY) {
      if (this.#bar === undefined) {
        this.#bar = new SingleBar(
          { format: "sending {bar} {percentage} % {value}/{total} bytes" },
          Presets.shades_classic,
        );
        this.#bar.start(total, done);
      } else this.#bar.update(done);
    } else if (tenth !== this.#lastTenth) {
      this.line({ event: "progress", done, total }, `sending: ${tenth * 10} %`);
    }
    this.#lastTenth = tenth;
  }
}
