// Proves the counters of a peripheral as a message of mail: its bytes, its bound, and what a central makes of it, also of what is none.

import { beforeEach, expect, test } from "bun:test";
import { Loop } from "../../device/loop.ts";
import { encodeStats } from "../../device/mail_codec.ts";
import { Mailbox } from "../../device/mailbox.ts";
import { DATA_MAX } from "../../device/netnow_codec.ts";
import { freshNative } from "../support/fresh_native.ts";

const MAC = "02:00:00:00:00:02";
let box: Mailbox;
let told: string[];

beforeEach(() => {
  freshNative();
  box = new Mailbox(new Loop(), () => true);
  told = [];
  box.onStats = (mac, text) => told.push(`${mac} ${text}`);
});

test("two bytes, then the text", () => {
  expect(Buffer.from(encodeStats("ok 1")).toString("hex")).toBe("00046f6b2031");
  expect(box.take(encodeStats("ok 1"), MAC)).toBe(true);
  expect(told).toEqual([`${MAC} ok 1`]);
});

test("what is longer than a payload is cut", () => {
  const message = encodeStats("x".repeat(1000));
  expect(message.length).toBe(DATA_MAX);
  box.take(message, MAC);
  expect(told).toEqual([`${MAC} ${"x".repeat(DATA_MAX - 2)}`]);
});

test("what is no text is refused and counted", () => {
  expect(box.take(Uint8Array.of(0, 4, 0xff, 0xfe), MAC)).toBe(true);
  expect([told, box.refused]).toEqual([[], 1]);
});
