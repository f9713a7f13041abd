// Unix datagram sockets by way of libc, because neither Bun nor node:dgram has them. Linux. It owns one bound socket; what the bytes
// mean is the caller's.

import { dlopen, ptr } from "bun:ffi";
import { rmSync } from "node:fs";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const ADDRESS_BYTES = 110;
const PATH_BYTES_MAX = 107;
const DATAGRAM_BYTES_MAX = 2048;
/** How often a socket is looked at: nothing in Bun waits for a descriptor of this kind. */
const LOOK_MS = 2;

type Call = (...args: (number | ReturnType<typeof ptr>)[]) => number | bigint;
let calls: { socket: Call; bind: Call; sendto: Call; recv: Call; close: Call } | undefined;

function libc() {
  calls ??= dlopen("libc.so.6", {
    socket: { args: ["int", "int", "int"], returns: "int" },
    bind: { args: ["int", "ptr", "u32"], returns: "int" },
    sendto: { args: ["int", "ptr", "u64", "int", "ptr", "u32"], returns: "i64" },
    recv: { args: ["int", "ptr", "u64", "int"], returns: "i64" },
    close: { args: ["int"], returns: "int" },
  }).symbols as unknown as NonNullable<typeof calls>;
  return calls;
}

/** struct sockaddr_un. */
function addressOf(path: string): Uint8Array {
  const bytes = Buffer.from(path);
  if (bytes.length > PATH_BYTES_MAX)
    throw new Error(`the path of a socket has at most ${PATH_BYTES_MAX} bytes: ${path}`);
  const address = new Uint8Array(ADDRESS_BYTES);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}

export class UnixDatagram {
  readonly #path: string;
  readonly #fd: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #closed = false;

  /** Binds `path`, taking the place of a socket that somebody left there. Throws when that cannot be. */
  constructor(path: string, onDatagram: (bytes: Uint8Array) => void) {
    const address = addressOf(path);
    this.#path = path;
    this.#fd = Number(libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    rmSync(path, { force: true });
    if (this.#fd < 0 || Number(libc().bind(this.#fd, ptr(address), ADDRESS_BYTES)) !== 0) {
      if (this.#fd >= 0) libc().close(this.#fd);
      throw new Error(`cannot make a socket at ${path}`);
    }
    const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
    this.#timer = setInterval(() => {
      while (!this.#closed) {
        const count = Number(libc().recv(this.#fd, ptr(buffer), buffer.length, MSG_DONTWAIT));
        if (count < 0) return;
        onDatagram(buffer.slice(0, count));
      }
    }, LOOK_MS);
  }

  /** False when nobody is there or the other's buffer is full. */
  send(path: string, bytes: Uint8Array): boolean {
    if (this.#closed) return false;
    const address = addressOf(path);
    return Number(libc().sendto(this.#fd, ptr(bytes), bytes.length, MSG_DONTWAIT, ptr(address), ADDRESS_BYTES)) >= 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    libc().close(this.#fd);
    rmSync(this.#path, { force: true });
  }
}
