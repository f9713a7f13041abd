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
const CONTENT = pattern(9000);

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

test("a put of one block has no middle: the fault is not used", async () => {
  const bench = new LinkBench();
  const fault = new LinkFault("badmac");
  const client = await bench.open({ fault });
  await bench.drive(client.putFile("a", pattern(100)));
  expect(fault.used).toBe(false);
});
