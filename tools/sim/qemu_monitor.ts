// QEMU's machine protocol (QMP: one JSON object a line) on the socket that it has joined: what the bench asks of a running emulator.

import type { Socket } from "node:net";
import { NIC } from "./qemu_program.ts";

export class QemuMonitor {
  readonly #socket: Socket;

  /** `failed` hears of every command that QEMU refuses. */
  constructor(socket: Socket, failed: (why: string) => void) {
    this.#socket = socket;
    const decoder = new TextDecoder();
    let rest = "";
    socket.on("data", (piece) => {
      const lines = (rest + decoder.decode(piece as Buffer, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const error = line.includes('"error"') ? (JSON.parse(line) as { error?: { desc: string } }).error : undefined;
        if (error !== undefined) failed(error.desc);
      }
    });
    // Answered in order, so nothing has to wait for the greeting.
    this.#execute("qmp_capabilities");
  }

  /** Plugs or pulls the network's cable. */
  setLink(up: boolean): void {
    this.#execute("set_link", { name: NIC, up });
  }

  #execute(command: string, args?: Record<string, unknown>): void {
    this.#socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }) })}\n`);
  }
}
