// `--fault NAME`: what the device answers to each misbehaviour, over TCP and over serial, and that it goes on as if nothing had been.

import { expect, test } from "bun:test";
import { IDLE_MS as SERIAL_IDLE_MS } from "../../device/link_serial.ts";
import { IDLE_MS } from "../../device/link_tcp.ts";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { FAULTS, type FaultName, LinkFault } from "../../tools/lib/link_faults.ts";
import { SerialChannel } from "../../tools/lib/serial_channel.ts";
import { LinkBench, makeBundle, pattern } from "../support/link_bench.ts";
import { SerialBench } from "../support/serial_bench.ts";

interface Expected {
  /** How the tool's put ends: the kind of its LinkError, or "none". */
  ends: string;
  /** What the device says first and last, in part. */
  says: string[];
}

const OVER_TCP: Record<FaultName, Expected> = {
  badlength: { ends: "protocol", says: ["found a message too long"] },
  badcheck: { ends: "unverified", says: ["checksum differs"] },
  badmac: { ends: "protocol", says: ["a message did not verify"] },
  reorder: { ends: "unverified", says: ["expected 2048", "of 9000 bytes"] },
  reset: { ends: "closed", says: [] },
  silence: { ends: "timeout", says: [] },
};
const OVER_SERIAL: Record<FaultName, Expected> = {
  badlength: { ends: "none", says: ["broken frame", "expected 1024"] },
  badcheck: { ends: "unverified", says: ["checksum differs"] },
  badmac: { ends: "none", says: ["broken frame", "expected 1024"] },
  reorder: { ends: "none", says: ["expected 1024"] },
  reset: { ends: "closed", says: [] },
  silence: { ends: "timeout", says: [] },
};
/** A configuration is one block. */
const OF_ONE_BLOCK: Record<FaultName, Expected> = {
  ...OVER_TCP,
  reorder: { ends: "unverified", says: ["0 of 200 bytes"] },
};
const CONTENT = pattern(9000);
const OLD_CONFIG = pattern(100);
const NEW_CONFIG = pattern(200);

/** What the device said; a closed connection and a time-out here are the tool's own words. */
const said = (fault: LinkFault) => fault.answers.filter((each) => !/has not answered|closed here/.test(each));

function mustSay(fault: LinkFault, parts: string[]): void {
  expect(fault.used).toBe(true);
  const heard = said(fault);
  if (parts.length === 0) expect(heard).toEqual([]);
  else expect([heard[0], heard.at(-1)]).toEqual([parts[0], parts.at(-1)].map((part) => expect.stringContaining(part!)));
}

for (const name of Object.keys(FAULTS) as FaultName[]) {
  for (const what of ["file", "bundle"] as const) {
    test(`over TCP, ${what}: ${name}`, async () => {
      const bench = new LinkBench();
      bench.chip.files.set("a", pattern(5, 7));
      const fault = new LinkFault(name);
      const client = await bench.open({ fault });
      const put = what === "file" ? client.putFile("a", CONTENT) : client.putBundle(makeBundle(9000));
      const { ends, says } = OVER_TCP[name];
      expect(await bench.failure(put)).toBe(ends);
      mustSay(fault, says);
      expect(bench.chip.files.get("a")).toEqual(pattern(5, 7));
      expect(bench.chip.slots.slots[1]).toBeUndefined();
      client.close();
      // The device drops a client that says nothing any more, and serves the next one.
      bench.chip.run(IDLE_MS + 2000);
      const next = await bench.open();
      await bench.drive(next.putFile("a", CONTENT));
      await bench.drive(next.putBundle(makeBundle(9000)));
      expect(bench.chip.files.get("a")).toEqual(CONTENT);
    });

    test(`over serial, ${what}: ${name}`, async () => {
      const bench = new SerialBench();
      bench.chip.files.set("a", pattern(5, 7));
      const fault = new LinkFault(name);
      const after = (ms: number, run: () => void) => bench.after(ms, run);
      const client = await bench.drive(
        LinkClient.greet(new SerialChannel(fault.wire(bench.plug()), after), { after, fault }),
      );
      const put = what === "file" ? client.putFile("a", CONTENT) : client.putBundle(makeBundle(9000));
      const { ends, says } = OVER_SERIAL[name];
      const failed = await bench.drive(put).then(
        () => "none",
        (error: { kind?: string }) => error.kind ?? String(error),
      );
      expect(failed).toBe(ends);
      mustSay(fault, says);
      if (ends !== "none") {
        expect(bench.chip.files.get("a")).toEqual(pattern(5, 7));
        expect(bench.chip.slots.slots[1]).toBeUndefined();
      }
      client.close();
      bench.chip.run(SERIAL_IDLE_MS + 2000);
      expect(bench.link.session).toBeUndefined();
      const next = await bench.open();
      await bench.drive(next.putFile("a", CONTENT));
      await bench.drive(next.putBundle(makeBundle(9000)));
      expect(bench.chip.files.get("a")).toEqual(CONTENT);
    });
  }
}

test("a name that is none is told with those there are", () => {
  expect(() => new LinkFault("toString")).toThrow("--fault toString: one of badlength, badcheck");
});

/** What is left when a firmware or a configuration went wrong on its way. */
const ON_TRIAL = ["firmware", "config"] as const;

for (const name of Object.keys(FAULTS) as FaultName[]) {
  for (const what of ON_TRIAL) {
    test(`over TCP, ${what}: ${name}`, async () => {
      const bench = new LinkBench();
      bench.chip.files.set("config.txt", OLD_CONFIG);
      const fault = new LinkFault(name);
      const client = await bench.open({ fault });
      const put = (by: LinkClient) =>
        what === "firmware" ? by.putFirmware(CONTENT, "memory") : by.putFile("config.txt", NEW_CONFIG);
      const { ends, says } = what === "firmware" ? OVER_TCP[name] : OF_ONE_BLOCK[name];
      expect(await bench.failure(put(client))).toBe(ends);
      mustSay(fault, says);
      client.close();
      bench.chip.run(IDLE_MS + 2000);
      // Nothing is on trial, and what was there is in force.
      const next = await bench.open();
      expect(bench.chip.trials.info().otherHash).toBe("");
      expect(bench.chip.files.get("config.txt")).toEqual(OLD_CONFIG);
      await bench.drive(put(next));
      if (what === "config") expect(bench.chip.files.get("config.txt")).toEqual(NEW_CONFIG);
      else expect(bench.chip.trials.info().otherHash).not.toBe("");
    });
  }
}

test("where no content is sent the fault is not used", async () => {
  const bench = new LinkBench();
  const fault = new LinkFault("badmac");
  const client = await bench.open({ fault });
  await bench.drive(client.list());
  expect(fault.used).toBe(false);
});
