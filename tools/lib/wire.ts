// A stream of bytes between a tool and a device: what link_client.ts needs of a connection, and the TCP one.

import { connect as connectSocket } from "node:net";
import { UserError } from "./errors.ts";

export const CONNECT_TIMEOUT_MS = 10_000;

export interface Wire {
  send(bytes: Uint8Array): void;
  close(): void;
  /** Set by whoever uses the wire. */
  onData: (bytes: Uint8Array) => void;
  /** Called once, when the other end has closed or the connection broke. */
  onEnd: (why: string) => void;
}

/** Connects over TCP. Throws UserError when there is no answer within `timeoutMs`. */
export function connectTcp(host: string, port: number, timeoutMs = CONNECT_TIMEOUT_MS): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host, port, noDelay: true });
    const wire: Wire = {
      send: (bytes) => void socket.write(bytes),
      close: () => void socket.end(),
      onData: () => {},
      onEnd: () => {},
    };
    let why = "the other end closed it";
    let connected = false;
    const timer = setTimeout(() => socket.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs);
    socket.on("connect", () => {
      clearTimeout(timer);
      connected = true;
      resolve(wire);
    });
    socket.on("data", (bytes) => wire.onData(bytes as Uint8Array));
    socket.on("error", (error) => {
      why = error.message;
    });
    socket.on("close", () => {
      clearTimeout(timer);
      if (connected) wire.onEnd(why);
      else
        reject(
          new UserError(`cannot connect to ${host}:${port} (${why}): is the device on, and was it told \`open\`?`),
        );
    });
  });
}
