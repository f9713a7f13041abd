// The order in which many devices are updated: who is there, one canary first, then the others a few at a time, and when to stop. It owns no
// connection and no words on the screen: what is done with a device is handed in.

import { messageOf, UserError } from "./errors.ts";

/** What was found at a device before anything was sent. */
export type Survey = { todo: true } | { todo: false; result: "same" | "rejectedBefore" | "refused"; detail: string };

export type MemberResult =
  /** It runs the bundle, permanently. */
  | "same"
  | "confirmed"
  /** On trial, with `keep manual`. */
  | "trial"
  /** It was not heard before anything was sent. */
  | "unreachable"
  /** It took this very bundle back in an earlier run; left alone. */
  | "rejectedBefore"
  /** What would be sent cannot run on it; left alone. */
  | "refused"
  | "failed"
  /** Nothing was sent: the fleet's update was stopped before. */
  | "notStarted";

export interface Member {
  name: string;
  result: MemberResult | undefined;
  /** What it does now, or how it ended. */
  detail: string;
}

export interface FleetOptions {
  names: readonly string[];
  /** Devices that are worked on at a time; 1 or more. */
  concurrency: number;
  /** With more failures than this nothing more is begun. */
  maxFailures: number;
  /** Throws UserError when the device is not heard. */
  survey(name: string): Promise<Survey>;
  /** Updates a device to the end of its trial. Throws UserError unless that ends well. */
  update(name: string, told: (detail: string) => void): Promise<"confirmed" | "trial">;
  onChange(member: Member): void;
}

/** Updates them all; the members come in the order of the names, each with a result. */
export async function updateFleet(options: FleetOptions): Promise<Member[]> {
  const members = options.names.map((name): Member => ({ name, result: undefined, detail: "asking" }));
  const change = (member: Member, detail: string, result?: MemberResult): void => {
    member.detail = detail;
    member.result = result;
    options.onChange(member);
  };
  await eachOf(members, options.concurrency, async (member) => {
    try {
      const found = await options.survey(member.name);
      if (found.todo) change(member, "waiting");
      else change(member, found.detail, found.result);
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      change(member, messageOf(thrown), "unreachable");
    }
  });
  let failures = 0;
  let canaryFailed = false;
  const update = async (member: Member): Promise<void> => {
    if (canaryFailed || failures > options.maxFailures) {
      change(member, canaryFailed ? "the canary failed" : `more than ${options.maxFailures} failed`, "notStarted");
      return;
    }
    try {
      const result = await options.update(member.name, (detail) => change(member, detail));
      change(member, result === "trial" ? "waits for keepversion" : "", result);
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      failures++;
      change(member, messageOf(thrown), "failed");
    }
  };
  const [canary, ...others] = members.filter((member) => member.result === undefined);
  if (canary === undefined) return members;
  await update(canary);
  // Also one that only waits for `keepversion` has not confirmed: nobody knows yet whether the others would.
  canaryFailed = canary.result !== "confirmed";
  await eachOf(others, options.concurrency, update);
  return members;
}

/** Does `work` for each, `limit` at a time, in their order. */
async function eachOf<Each>(list: readonly Each[], limit: number, work: (each: Each) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < list.length) await work(list[next++] as Each);
  };
  await Promise.all(Array.from({ length: Math.min(limit, list.length) }, lane));
}
