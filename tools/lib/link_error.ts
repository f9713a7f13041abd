// The failures of the update link: which there are, and what a tool says of each.

import { UserError } from "./errors.ts";

/** The reasons of an error frame, by code. */
export const ERRORS = ["", "malformed", "refused", "order", "unverified", "medium", "nothing", "unknown"] as const;

/** A failure of the link. `kind` tells which one; the message tells the user what to do. */
export class LinkError extends UserError {
  override readonly name = "LinkError";
  readonly kind: (typeof ERRORS)[number] | "busy" | "key" | "closed" | "timeout" | "protocol";

  constructor(kind: LinkError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The refusal in clear that ends a TCP session. */
export function refusal(code: number): LinkError {
  if (code === 1)
    return new LinkError(
      "busy",
      "another client is connected to the device: try again when it is done, at the latest in a minute",
    );
  if (code === 2)
    return new LinkError("key", "the device does not know this key: use the `otakey` that its config.txt has");
  if (code === 3) return new LinkError("protocol", "the device found a message too long");
  return new LinkError(
    "protocol",
    "the device ended the session because a message did not verify or came too late: try again",
  );
}

/** What an error frame says. */
export function deviceError(frame: Uint8Array): LinkError {
  const kind = ERRORS[frame[3] ?? 0] || "protocol";
  const said = Buffer.from(frame.subarray(4)).toString();
  const advice =
    kind === "medium"
      ? "; look at the free space, or power the device off and on"
      : kind === "unverified"
        ? "; send it again"
        : "";
  return new LinkError(kind, `the device says: ${said}${advice}`);
}
