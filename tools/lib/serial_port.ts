// Serial ports of this PC: which there are, opening one, bytes both ways, and the modem lines that reset a board. What the bytes mean is
// the channel's. Only the low-level calls of @serialport/bindings-cpp are used: its port classes abort Bun (docs/decisions/0043-serial.md).

import { readdirSync, writeSync } from "node:fs";
import * as bindings from "@serialport/bindings-cpp/dist/load-bindings.js";
import { messageOf, UserError } from "./errors.ts";
import type { Wire } from "./wire.ts";

export const BAUD = 115200;
/** A port that takes nothing is asked again after so long. */
const WRITE_AGAIN_MS = 5;
/** Bytes that wait for the port; a tool that has more on its way does not keep to the link's window. */
const WAITING_MAX = 65536;
/** USB adapters and boards with USB of their own, by system. */
const NAMES: Partial<Record<NodeJS.Platform, RegExp>> = {
  linux: /^tty(USB|ACM)\d+$/,
  darwin: /^cu\.(usbserial|usbmodem|SLAB_USBtoUART|wchusbserial)/,
};

export interface ModemLines {
  dtr: boolean;
  rts: boolean;
}

export interface SerialPort extends Wire {
  readonly path: string;
  /** Sets both lines at once. Does nothing on a port without them (a pty). */
  setLines(lines: ModemLines): Promise<void>;
}

/** Ports of this process that are being closed: until then they are locked. */
const closing = new Map<string, Promise<void>>();

/** The paths of the ports that a board may be on. */
export function listPorts(folder = "/dev", platform: NodeJS.Platform = process.platform): string[] {
  const names = NAMES[platform];
  if (names === undefined) throw new UserError(`the ports cannot be listed on ${platform}: name one with --port`);
  return readdirSync(folder)
    .filter((name) => names.test(name))
    .sort((a, b) => a.localeCompare(b, undefined, { numeric: true }))
    .map((name) => `${folder}/${name}`);
}

/** Opens a port, 8N1. The modem lines are off, so that a board that was running goes on. Throws UserError. */
export async function openPort(path: string, baud = BAUD): Promise<SerialPort> {
  await closing.get(path);
  const fd = await openDevice(path, baud);
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let again: ReturnType<typeof setTimeout> | undefined;
  let closed = false;
  let gone: string | undefined;
  let tellEnd: Wire["onEnd"] = () => {};
  const reader = Bun.file(fd).stream().getReader();
  const port: SerialPort = {
    path,
    send(bytes) {
      if (closed) return;
      waitingBytes += bytes.length;
      if (waitingBytes > WAITING_MAX) return end("it takes no bytes");
      waiting.push(bytes);
      if (again === undefined) flush();
    },
    close() {
      if (closed) return;
      closed = true;
      clearTimeout(again);
      const done = release().finally(() => {
        if (closing.get(path) === done) closing.delete(path);
      });
      closing.set(path, done);
    },
    async setLines(lines) {
      await bindings.asyncSet(fd, { ...lines, brk: false, cts: false, dsr: false }).catch(() => {});
    },
    onData: () => {},
    get onEnd() {
      return tellEnd;
    },
    set onEnd(take) {
      tellEnd = take;
      // It may have gone before anybody listened. Not at once: whoever sets this is not ready yet.
      const why = gone;
      if (why !== undefined) queueMicrotask(() => take(why));
    },
  };

  function flush(): void {
    again = undefined;
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      try {
        const count = writeSync(fd, first);
        waitingBytes -= count;
        if (count === first.length) waiting.shift();
        else waiting[0] = first.subarray(count);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "EAGAIN") again = setTimeout(flush, WRITE_AGAIN_MS);
        else end(messageOf(thrown));
        return;
      }
    }
  }

  async function read(): Promise<void> {
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        if (!closed) port.onData(piece.value);
      }
      end("unplugged");
    } catch (thrown) {
      end(messageOf(thrown));
    }
  }

  function end(why: string): void {
    if (closed) return;
    port.close();
    gone = why;
    tellEnd(why);
  }

  async function release(): Promise<void> {
    await reader.cancel().catch(() => {});
    await bindings.asyncClose(fd).catch(() => {});
  }

  await port.setLines({ dtr: false, rts: false });
  void read();
  return port;
}

async function openDevice(path: string, baud: number): Promise<number> {
  const options = {
    baudRate: baud,
    dataBits: 8,
    parity: "none",
    stopBits: 1,
    vmin: 1,
    vtime: 0,
    lock: true,
    hupcl: false, // hanging up would reset the board when a tool ends
    rtscts: false,
    xon: false,
    xoff: false,
    xany: false,
  };
  try {
    return await bindings.asyncOpen(path, options);
  } catch (thrown) {
    const text = messageOf(thrown);
    const advice = /permission denied/i.test(text)
      ? "you may not use it: join the group that owns it (on Debian and Ubuntu `sudo usermod -a -G dialout $USER`, then log in again)"
      : /busy|lock|temporarily/i.test(text)
        ? "another program uses it: close the terminal program or the other tool"
        : /no such file/i.test(text)
          ? "there is no such port: is the board plugged in?"
          : text;
    throw new UserError(`cannot open ${path}: ${advice}`);
  }
}
