// A serial cable between the host firmware and whoever wants to talk to it: two pseudo terminals joined here, where a test may disturb,
// cut and watch it. `devicePath` is for `--serial` of the firmware, `path` for a tool or a terminal program.

import { Pty } from "./pty.ts";

export type Disturb = (bytes: Uint8Array) => Uint8Array;

export class SerialCable {
  readonly devicePath: string;
  /** What happens to bytes on their way. */
  toDevice: Disturb = (bytes) => bytes;
  toTool: Disturb = (bytes) => bytes;
  readonly #device = new Pty();
  #tool: Pty | undefined = new Pty();

  constructor() {
    this.devicePath = this.#device.path;
    this.#device.onData = (bytes) => this.#tool?.send(this.toTool(bytes));
    this.#join();
  }

  /** The tool's end; undefined while the cable is out. */
  get path(): string | undefined {
    return this.#tool?.path;
  }

  /** Pulls the cable: the tool's end is gone. */
  unplug(): void {
    this.#tool?.close();
    this.#tool = undefined;
  }

  /** Plugs it in again; the path may be another one. */
  plug(): void {
    this.#tool ??= new Pty();
    this.#join();
  }

  close(): void {
    this.unplug();
    this.#device.close();
  }

  #join(): void {
    if (this.#tool !== undefined) this.#tool.onData = (bytes) => this.#device.send(this.toDevice(bytes));
  }
}
