// `bun run console`: the console of the device on a serial port. Its log lines appear here, with back traces in TypeScript; what is typed
// goes to the device, which takes a line as an OTA command (`help` lists them).

import { Command } from "commander";
import pc from "picocolors";
import { resetToBootLoader, resetToProgram } from "./lib/board_reset.ts";
import { main } from "./lib/cli.ts";
import { type Hello, parseJson, T } from "./lib/link_frames.ts";
import { SerialChannel } from "./lib/serial_channel.ts";
import {
  BACK_MS,
  choosePort,
  parseBaud,
  reopenPort,
  type SerialOptions,
  withSerialOptions,
} from "./lib/serial_device.ts";
import { openPort, type SerialPort } from "./lib/serial_port.ts";
import { TraceLines } from "./lib/trace_lines.ts";

/** Ctrl-], as in other terminal programs, and Ctrl-C. */
const LEAVE = /[\x1d\x03]/;
/** After the end of piped input: so long without a word from the device. */
const ANSWER_MS = 2000;

interface Options extends SerialOptions {
  bootLoader?: boolean;
}

export const program = withSerialOptions(
  new Command("console")
    .description("Shows the console of the device on a serial port; what you type goes to the device.")
    .option("--boot-loader", "restart the board into the boot loader of its ROM (for esptool) and leave"),
)
  .addHelpText(
    "after",
    `
Ctrl-] or Ctrl-C leaves. Input from a pipe is sent line by line; it ends when the device has answered.
Examples:
  bun run console --reset
  echo getversion | bun run console
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  )
  .action((options: Options) => attend(options));

async function attend(options: Options): Promise<void> {
  const baud = parseBaud(options.baud);
  const path = choosePort(options.port);
  const tell = (event: string, words: string) => {
    if (options.json) console.log(JSON.stringify({ event, port: path }));
    else console.error(words);
  };
  let port = await openPort(path, baud);
  if (options.bootLoader) {
    await resetToBootLoader(port);
    port.close();
    tell("bootloader", `The board on ${path} waits in its boot loader; bun run console --reset leads out of it.`);
    return;
  }
  if (options.reset) await resetToProgram(port);
  tell("open", pc.dim(`${path}${process.stdin.isTTY ? "; Ctrl-] leaves" : ""}`));
  const keyboard = new Keyboard();
  try {
    for (;;) {
      const gone = await Promise.race([keyboard.left, session(port, keyboard, options)]);
      if (gone === undefined) return;
      tell("gone", pc.yellow(`${gone}; waiting for ${path}`));
      const back = await Promise.race([keyboard.left, reopenPort(path, baud, BACK_MS)]);
      if (back === undefined) return;
      port = back;
      tell("back", pc.dim(`${path} is back`));
    }
  } finally {
    keyboard.close();
    port.close();
  }
}

/** Shows and sends until the port has gone; returns why. */
function session(port: SerialPort, keyboard: Keyboard, options: SerialOptions): Promise<string> {
  const channel = new SerialChannel(port);
  const lines = new TraceLines();
  let json = "";
  channel.onText = (bytes) => {
    keyboard.stirred();
    const text = lines.push(bytes);
    if (!options.json) {
      process.stdout.write(text);
      return;
    }
    const whole = (json + text).split("\n");
    json = whole.pop() as string;
    for (const line of whole) console.log(JSON.stringify({ line }));
  };
  // Tells whose back traces these will be; a device that does not answer is none the worse for it.
  channel.onFrame = (frame) => {
    if (frame[0] === T.json) lines.bundle ??= parseJson<Partial<Hello>>(frame.subarray(3)).bundle?.hash;
  };
  keyboard.onText = (text) => channel.type(text);
  return new Promise((resolve) => {
    channel.onEnd = (error) => resolve(error.message);
    channel.send(Uint8Array.of(T.hello, 0, 1));
  });
}

/** What a person types, key by key, or what comes out of a pipe. */
class Keyboard {
  /** Resolves when the person leaves, or when the pipe has ended and the device has been silent for a while. */
  readonly left: Promise<undefined>;
  /** Takes what is typed. */
  onText: (text: string) => void = () => {};
  #leave: (value: undefined) => void = () => {};
  #ended = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
    const input = process.stdin;
    if (input.isTTY) input.setRawMode(true);
    input.on("data", (bytes: Buffer) => {
      const text = bytes.toString();
      if (input.isTTY && LEAVE.test(text)) this.#leave(undefined);
      else this.onText(text.replaceAll("\n", "\r"));
    });
    input.on("end", () => {
      this.#ended = true;
      this.stirred();
    });
  }

  /** The device has said something. */
  stirred(): void {
    if (!this.#ended) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#leave(undefined), ANSWER_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
  }
}

if (import.meta.main) await main(program);
