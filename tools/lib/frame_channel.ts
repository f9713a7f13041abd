// The way of whole frames between a tool and a device, whatever carries them; and how a tool waits.

import type { LinkError } from "./link_error.ts";

export interface FrameChannel {
  send(frame: Uint8Array): void;
  close(): void;
  /** Set by whoever uses the channel. */
  onFrame: (frame: Uint8Array) => void;
  /** Called at most once, when nothing comes any more. */
  onEnd: (error: LinkError) => void;
  /** Frames may get lost in either direction, but never come changed or in another order. */
  readonly lossy: boolean;
}

/** Calls back after `ms`; returns what cancels it. */
export type After = (ms: number, run: () => void) => () => void;

export function realAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
