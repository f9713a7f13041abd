// The commands on cmnd/NAME/OTA, which can also be typed on the serial console. What they set in motion is elsewhere: link_tcp.ts, proof.ts, native.

import type { Appliance } from "./appliance.ts";
import { hex } from "./link.ts";
import { SerialLink } from "./link_serial.ts";
import { LinkServer } from "./link_tcp.ts";
import type { Task } from "./loop.ts";
import { readCount, resetCounts } from "./nvram.ts";

export const STATUS_MS = 10_000;
const HELP =
  "commands: open commit reboot keepversion partitions getversion stats resetstats msg_reboot msg_exception msg_rm test_exception";
const STATES = ["recovery", "trial", "permanent"];
/** By state of FirmwareInfo, from -1 on. */
const FIRMWARE_STATES = ["undefined", "new", "pending", "valid", "invalid", "aborted"];
/** The numbers of NVS hearth/boots. */
const BOOTS = ["power", "brownout", "asked", "restart", "exception", "recovery", "panic", "watchdog"];

export class OtaCommands {
  readonly link: LinkServer;
  readonly serial: SerialLink;
  /** One more line of `stats`, of what only some appliances have. */
  moreStats: (() => string) | undefined;
  private count: number;
  private readonly status: Task;

  constructor(
    private readonly appliance: Appliance,
    private readonly key: Uint8Array | undefined,
  ) {
    this.count = 0;
    this.moreStats = undefined;
    this.status = appliance.loop.task(() => this.publishStatus(), false, "ota status");
    const name = appliance.name;
    const onRefused = (why: string) => appliance.log.line(`link refused: ${why}`);
    this.link = new LinkServer(appliance.loop, { key, name, onRefused });
    const onLine = (line: string) => appliance.loop.guard(() => this.handle(line, false), false);
    this.serial = new SerialLink(appliance.loop, { name, onRefused, onLine });
  }

  /** A message on cmnd/NAME/OTA, or a typed line. Retained ones are ignored: they would be carried out again at each connection. */
  handle(payload: string, retained: boolean): void {
    if (retained) return;
    if (payload.indexOf("proof ") === 0) this.appliance.proof.came(payload);
    else {
      const answer = this.carryOut(payload);
      if (answer !== undefined) this.appliance.log.line(answer);
    }
  }

  private carryOut(command: string): string | undefined {
    switch (command) {
      case "open":
        return this.open();
      case "commit":
        try {
          native.slotCommit();
          return "commit ok";
        } catch (error) {
          return `commit failed: ${explain(error)}`;
        }
      case "reboot":
        return native.restart("reboot command", true);
      case "keepversion":
        keepAll();
        return `version kept ${native.bundleInfo().hash}`;
      case "partitions":
        return this.partitions();
      case "getversion":
        return this.version();
      case "stats":
        return this.stats();
      case "resetstats":
        resetCounts();
        return "stats reset";
      case "msg_reboot":
        return `reboot ${native.rebootReason() ?? "none"}`;
      case "msg_exception":
        return `exception ${native.exceptionRead() ?? "none"}`;
      case "msg_rm":
        native.rebootReasonClear();
        native.exceptionClear();
        return "messages removed";
      case "help":
        return HELP;
      case "test_exception":
        throw new Error("test_exception");
      default:
        return `unknown OTA command: ${command.slice(0, 40)}`;
    }
  }

  private open(): string | undefined {
    if (this.key === undefined) return "no otakey: this device takes updates over serial only";
    this.link.open();
    this.count = 0;
    this.status.every(STATUS_MS);
    this.publishStatus();
    return undefined;
  }

  private publishStatus(): void {
    if (!this.link.isOpen) {
      this.status.stop();
      return;
    }
    const appliance = this.appliance;
    const where = `addr ${native.netAddress()} mac ${native.netMac()}`;
    appliance.publish(
      "OTA",
      `netstatus ${native.netState()} ${where} flavor ${appliance.profile} count ${++this.count}`,
    );
  }

  private version(): string {
    const info = native.bundleInfo();
    const image = native.firmwareInfo();
    const config = native.configInfo();
    return `version ${JSON.stringify({
      profile: info.profile,
      version: info.version,
      bundle: info.hash,
      slot: info.slot,
      state: STATES[info.state],
      rejected: info.rejectedHash === "" ? null : { bundle: info.rejectedHash, why: info.rejectedWhy },
      recovery: info.recoveryWhy === "" ? null : info.recoveryWhy,
      firmware: native.firmwareVersion(),
      image: {
        hash: image.hash,
        slot: image.slot,
        state: FIRMWARE_STATES[image.state + 1],
        rejected: image.rejectedHash === "" ? null : { hash: image.rejectedHash, why: image.rejectedWhy },
      },
      config: {
        hash: native.fileSize("config.txt") < 0 ? null : hex(native.sha256File("config.txt")).slice(0, 16),
        state: config.trial ? "trial" : "permanent",
        rejected: config.rejectedHash === "" ? null : { hash: config.rejectedHash, why: config.rejectedWhy },
      },
      machine: native.machine(),
      engine: info.engineId,
      api: info.apiHash,
      uptimeS: Math.floor(native.now() / 1000),
    })}`;
  }

  private partitions(): string {
    const info = native.bundleInfo();
    const image = native.firmwareInfo();
    const { version, hash, slot } = image;
    return `partitions ${JSON.stringify({
      running: info.slot,
      bundle: info.hash,
      files: native.fileSpace(),
      firmware:
        slot < 0
          ? null
          : [
              { slot, state: FIRMWARE_STATES[image.state + 1], version, hash },
              {
                slot: 1 - slot,
                state: FIRMWARE_STATES[image.otherState + 1],
                version: image.otherVersion,
                hash: image.otherHash,
              },
            ],
    })}`;
  }

  private stats(): string {
    const { log, loop, exceptions } = this.appliance;
    const heap = native.heap();
    log.line(`connlost events net ${readCount("connlost")} mqtt ${readCount("mqttlost")}`);
    log.line(`heap live ${heap[0]} peak ${heap[1]} free ${heap[2]} largest ${heap[3]}`);
    const boots = (native.nvsGet("hearth", "boots") ?? "").split(" ");
    log.line(`boots${BOOTS.map((cause, index) => ` ${cause} ${boots[index] || 0}`).join("")}`);
    log.line(`loop turns ${loop.turns} lag ${Math.ceil(loop.maxLagMs)} ms turn ${Math.ceil(loop.maxTurnMs)} ms`);
    if (this.moreStats !== undefined) log.line(this.moreStats());
    const refused = this.link.refused + this.serial.refused;
    const { refused: unsent, dropped } = this.appliance.mqtt;
    return (
      `dropped events ${native.eventsDropped()} messages ${dropped} publications ${unsent} log ${log.dropped} ` +
      `refused ${refused} exceptions ${exceptions}`
    );
  }
}

/** `keepversion`: everything that is on trial is permanent. */
export function keepAll(): void {
  native.bundleConfirm();
  native.firmwareConfirm();
  native.configConfirm();
}

/** What was thrown, as text; null is what the engine throws when it has no memory for an Error. */
export function explain(error: unknown): string {
  if (error === null) return "out of memory";
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** What was thrown while an exception was being told. Storage that is full is passed over. Without the memory even for that nothing else works
 * either: the device restarts with that as its reason. */
export function notTold(error: unknown): void {
  if (error === null || (error as Error).message === "out of memory") throw error;
}
