// The update protocol over TCP: a listening socket that is open for a while, one client, a Noise session with the device's key, and the
// framing of docs/WIRE.md. What the frames mean is link.ts's. Work for strangers is bounded: a client that does not prove the key is
// turned away in the first message, and after FAILURES_MAX of them the socket closes until somebody says `open` again.

import { CHUNK_BYTES, Link } from "./link.ts";
import type { Loop, Poll, Task } from "./loop.ts";

export const LINK_PORT = 8266;
/** How long the socket listens after the last `open`. A session that is going on is not cut. */
export const OPEN_MS = 600_000;
/** From the connection to the first frame that verifies. */
export const HANDSHAKE_MS = 10_000;
/** A session without a message for so long is over. */
export const IDLE_MS = 60_000;
export const FAILURES_MAX = 10;
/** A second client gets so long to say hello, so that our refusal does not cross its message and get lost in a reset. */
const TURN_AWAY_MS = 1000;
/** A client that was refused may still be sending; what it sends is thrown away for so long at least, or our refusal would get lost in a reset. */
const LEAVE_MS = 500;
const LEAVE_READS = 8;
/** From the answer to a reboot request until the restart, unless the client hangs up before. */
const REBOOT_MS = 500;
/** The longest message: a data frame and its tag. Everything else is shorter. */
export const MESSAGE_MAX = CHUNK_BYTES + 64;

const BUSY = 1;
const WRONG_KEY = 2;
const TOO_LONG = 3;
const UNEXPECTED = 4;

export interface LinkOptions {
  /** 32 bytes; without a key the device takes no updates over the air. */
  key: Uint8Array | undefined;
  name: string;
  onRefused(why: string): void;
  beforeReboot?(): void;
}

export class LinkServer {
  /** Sessions that proved the key, and callers and messages turned away, since boot. */
  sessions = 0;
  refused = 0;

  private readonly loop: Loop;
  private readonly options: LinkOptions;
  private poll: Poll | undefined;
  private task: Task | undefined;
  private listener = -1;
  private closesMs = 0;
  private failures = 0;

  private client = -1;
  /** Noise session, -1 before the client's first message. */
  private session = -1;
  private proven = false;
  private deadlineMs = 0;
  private link: Link | undefined;
  private buffer: Uint8Array | undefined;
  private have = 0;
  /** A message that the socket has not taken whole yet. */
  private out: Uint8Array | undefined;
  private sent = 0;

  /** A second client that is about to be turned away. */
  private second = -1;
  private secondMs = 0;
  private busyTold = false;
  /** A client that has been refused and may not have heard it yet. */
  private leaving = -1;
  private leaveMs = 0;

  constructor(loop: Loop, options: LinkOptions) {
    this.loop = loop;
    this.options = options;
  }

  get isOpen(): boolean {
    return this.listener >= 0;
  }

  /** True while a client is connected. */
  get busy(): boolean {
    return this.client >= 0;
  }

  /** Listens for the next OPEN_MS. Says through `onRefused` why it cannot. */
  open(): void {
    if (this.options.key === undefined) {
      this.options.onRefused("no otakey in the configuration");
      return;
    }
    this.closesMs = this.loop.now() + OPEN_MS;
    this.failures = 0;
    if (this.busy) return;
    // Listened anew each time, because the device's address may have changed since.
    this.close();
    try {
      this.listener = native.socketListen(LINK_PORT);
    } catch (thrown) {
      this.options.onRefused(`cannot listen: ${(thrown as Error | null)?.message}`);
      return;
    }
    const run = () => this.run();
    this.poll = this.loop.poll(run, false);
    // Polls run when something happens; this makes them run for the deadlines as well.
    this.task = this.loop.task(run, false, "link");
    this.task.every(1000);
  }

  close(): void {
    this.drop();
    if (this.second >= 0) native.socketClose(this.second);
    if (this.leaving >= 0) native.socketClose(this.leaving);
    if (this.listener >= 0) native.socketClose(this.listener);
    this.second = this.leaving = this.listener = -1;
    this.poll?.stop();
    this.task?.stop();
    this.poll = this.task = undefined;
  }

  private run(): void {
    if (this.listener < 0) return;
    const now = this.loop.now();
    // Served before the next caller is looked at: a client that has hung up does not make the next one a second one.
    if (this.client >= 0) {
      try {
        this.serve(now);
      } catch (thrown) {
        this.drop();
        throw thrown;
      }
      if (this.listener < 0) return;
    }
    const caller = native.socketAccept(this.listener);
    if (caller >= 0) this.accept(caller, now);
    if (this.second >= 0) this.turnAway(now);
    if (this.leaving >= 0) this.seeOff(now);
    if (this.client < 0 && now >= this.closesMs) this.close();
  }

  private accept(caller: number, now: number): void {
    if (this.client < 0) {
      this.client = caller;
      this.deadlineMs = now + HANDSHAKE_MS;
      this.buffer = new Uint8Array(2 + MESSAGE_MAX);
    } else if (this.second < 0) {
      this.second = caller;
      this.secondMs = now + TURN_AWAY_MS;
    } else {
      native.socketClose(caller);
    }
  }

  private turnAway(now: number): void {
    if (now < this.secondMs && native.socketReceive(this.second, new Uint8Array(64), 0) === 0) return;
    this.refuse(this.second, BUSY, this.busyTold ? "" : "second client");
    this.busyTold = true;
    native.socketClose(this.second);
    this.second = -1;
  }

  private seeOff(now: number): void {
    const sink = new Uint8Array(256);
    let got = 0;
    for (let reads = 0; reads < LEAVE_READS; reads++) {
      got = native.socketReceive(this.leaving, sink, 0);
      if (got <= 0) break;
    }
    if (got > 0) this.loop.soon();
    if (got >= 0 && now < this.leaveMs) return;
    native.socketClose(this.leaving);
    this.leaving = -1;
  }

  private serve(now: number): void {
    for (let handled = false; this.out === undefined || this.flush(); ) {
      const buffer = this.buffer!;
      const length = (buffer[0]! << 8) | buffer[1]!;
      if (this.have >= 2 && (length === 0 || length > MESSAGE_MAX)) {
        this.end(TOO_LONG, "message of a wrong length");
        return;
      }
      if (this.have >= 2 && this.have >= 2 + length) {
        // One message a turn: on a chip it may erase a sector of flash, and a relay's command must not wait for more than that.
        if (handled) {
          this.loop.soon();
          break;
        }
        handled = true;
        this.message(buffer.subarray(2, 2 + length), now);
        if (this.client < 0) return;
        buffer.copyWithin(0, 2 + length, this.have);
        this.have -= 2 + length;
      } else {
        const got = native.socketReceive(this.client, buffer, this.have);
        if (got === 0) break;
        if (got < 0) {
          this.gone();
          return;
        }
        this.have += got;
      }
      if (!this.link?.rebooting) continue;
      // Nothing is listened to any more.
      this.have = 0;
      if (handled) {
        this.loop.soon();
        break;
      }
      handled = true;
    }
    if (now < this.deadlineMs) return;
    if (this.proven) this.gone();
    else this.end(UNEXPECTED, "no handshake in time");
  }

  private message(message: Uint8Array, now: number): void {
    if (this.session < 0) {
      this.session = native.noiseBegin(false, this.options.key!, native.encodeText("hearth-link-1"));
      if (native.noiseRead(this.session, message) === undefined) {
        this.end(WRONG_KEY, "handshake did not verify (wrong key?)");
        return;
      }
      this.link = new Link(this.options.name, this.options.onRefused);
      this.send(this.link.hello());
      return;
    }
    const frame = native.noiseRead(this.session, message);
    if (frame === undefined) {
      this.end(UNEXPECTED, "message did not verify");
      return;
    }
    // Only now is it certain that the client has the key and is not a recording: a first message can be sent again by anybody.
    if (!this.proven) {
      this.proven = true;
      this.sessions++;
      this.failures = 0;
    }
    this.deadlineMs = now + IDLE_MS;
    const answer = this.link!.handle(frame);
    if (answer !== undefined) this.send(answer);
    if (this.link!.rebooting) this.deadlineMs = now + REBOOT_MS;
  }

  private send(payload: Uint8Array): void {
    const message = native.noiseWrite(this.session, payload);
    const out = new Uint8Array(2 + message.length);
    out[0] = message.length >> 8;
    out[1] = message.length;
    out.set(message, 2);
    this.out = out;
    this.sent = 0;
  }

  /** True when nothing waits to be sent any more. */
  private flush(): boolean {
    const out = this.out!;
    const count = native.socketSend(this.client, out, this.sent, out.length);
    if (count > 0) this.sent += count;
    if (this.sent < out.length) return false;
    this.out = undefined;
    return true;
  }

  /** The client has gone or said nothing for too long. */
  private gone(): void {
    const rebooting = this.link?.rebooting;
    this.drop();
    if (!rebooting) return;
    this.close();
    this.options.beforeReboot?.();
    if (rebooting === 1) native.restartProgram("link");
    native.restart("link", true);
  }

  /** Ends the session with a refusal in clear; too many that never proved the key close the socket. */
  private end(code: number, why: string): void {
    this.refuse(this.client, code, why);
    const proven = this.proven;
    if (this.leaving >= 0) native.socketClose(this.leaving);
    this.leaving = this.client;
    this.leaveMs = this.loop.now() + LEAVE_MS;
    this.client = -1;
    this.drop();
    if (proven || ++this.failures < FAILURES_MAX) return;
    this.options.onRefused("too many failures, closed until the next open");
    this.close();
  }

  private refuse(socket: number, code: number, why: string): void {
    this.refused++;
    const message = new Uint8Array(3);
    message[2] = code;
    native.socketSend(socket, message, 0, 3);
    if (why !== "") this.options.onRefused(why);
  }

  private drop(): void {
    if (this.session >= 0) native.noiseEnd(this.session);
    if (this.client >= 0) native.socketClose(this.client);
    this.client = this.session = -1;
    this.proven = this.busyTold = false;
    this.link = this.buffer = this.out = undefined;
    this.have = 0;
  }
}
