// Proves device/mqtt_codec.ts byte by byte: golden packets of the 3.1.1 text, mqtt-packet as an implementation from elsewhere, every split and truncation.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import mqttPacket from "mqtt-packet";
import {
  encodeConnect,
  encodePacket,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  INBOUND_MAX,
  MqttDecoder,
  PUBLISH,
  SKIP_MAX,
  topicMatches,
} from "../../device/mqtt_codec.ts";
import { installNative, textNative } from "../support/mqtt_bench.ts";

afterAll(() => installNative());

beforeAll(() => installNative(textNative));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (packet: object): number[] => [...mqttPacket.generate(packet as mqttPacket.Packet)];
const publication = (topic: string, payload: string | Buffer, more: object = {}): number[] =>
  bytesOf({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false, ...more });

function parsed(bytes: Uint8Array): mqttPacket.Packet[] {
  const packets: mqttPacket.Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => {
    throw error;
  });
  expect(parser.parse(Buffer.from(bytes))).toBe(0);
  return packets;
}

/** Feeds chunks; returns a readable line per packet, and the refusal if there was one. */
function decode(chunks: readonly (readonly number[])[], decoder = new MqttDecoder()): string[] {
  const seen: string[] = [];
  for (const chunk of chunks) {
    let at = 0;
    while (at < chunk.length) {
      const count = Math.min(chunk.length - at, decoder.buffer.length - decoder.filled);
      if (count === 0) throw new Error("no room");
      decoder.buffer.set(chunk.slice(at, at + count), decoder.filled);
      decoder.filled += count;
      at += count;
      for (let type = decoder.next(); type !== 0; type = decoder.next()) {
        if (type < 0) return [...seen, `! ${decoder.error}`];
        const { buffer, start, end, payloadStart, packetId, flags } = decoder;
        const topicEnd = payloadStart - (packetId === 0 ? 0 : 2);
        seen.push(
          type === PUBLISH
            ? `${type} ${flags} ${packetId} ${textNative.decodeText(buffer, start + 2, topicEnd)} ${textNative.decodeText(buffer, payloadStart, end)}`
            : `${type} ${packetId} ${hex(buffer.subarray(start, end))}`,
        );
      }
    }
  }
  return seen;
}

describe("encoders", () => {
  test("CONNECT has the bytes of section 3.1", () => {
    expect(hex(encodeConnect("c", 60, "w", "off", "u", "p"))).toBe(
      "101b00044d51545404e6003c00016300017700036f66660001750001" + "70",
    );
  });

  test("PUBLISH, SUBSCRIBE, PUBACK, PINGREQ and DISCONNECT have the bytes of chapter 3", () => {
    expect(hex(encodePublish("a/b", "hi", false))).toBe("30070003612f626869");
    expect(hex(encodePublish("a/b", "hi", true))).toBe("31070003612f626869");
    expect(hex(encodeSubscribe(10, "c/d"))).toBe("8208000a0003632f6400");
    expect(hex(encodePuback(0x1234))).toBe("40021234");
    expect(hex(encodePacket(0xc0, []))).toBe("c000");
    expect(hex(encodePacket(0xe0, []))).toBe("e000");
  });

  test("the remaining length has the borders of table 2.4", () => {
    for (const [length, head] of [
      [0, "3000"],
      [127, "307f"],
      [128, "308001"],
      [16_383, "30ff7f"],
      [16_384, "30808001"],
      [2_097_151, "30ffff7f"],
      [2_097_152, "3080808001"],
    ] as const) {
      const packet = encodePacket(0x30, [new Uint8Array(length)]);
      expect(hex(packet.subarray(0, packet.length - length))).toBe(head);
    }
  });

  test("mqtt-packet reads every CONNECT as it was meant", () => {
    const plain = parsed(encodeConnect("id", 60, "stat/ü/LWT", "offline"))[0] as mqttPacket.IConnectPacket;
    expect(plain).toMatchObject({ protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 60, clientId: "id" });
    expect(plain.will).toMatchObject({ topic: "stat/ü/LWT", qos: 0, retain: true });
    expect(String(plain.will?.payload)).toBe("offline");
    expect(plain.username).toBeUndefined();
    const user = parsed(encodeConnect("id", 60, "w", "offline", "me"))[0] as mqttPacket.IConnectPacket;
    expect([user.username, user.password]).toEqual(["me", undefined]);
    const both = parsed(encodeConnect("id", 60, "w", "offline", "me", "pässword"))[0] as mqttPacket.IConnectPacket;
    expect([both.username, String(both.password)]).toEqual(["me", "pässword"]);
  });

  test("the other packets are what mqtt-packet generates", () => {
    expect([...encodePublish("tö/pic", "päyload", true)]).toEqual(publication("tö/pic", "päyload", { retain: true }));
    expect([...encodeSubscribe(513, "a/+/#")]).toEqual(
      bytesOf({ cmd: "subscribe", messageId: 513, subscriptions: [{ topic: "a/+/#", qos: 0 }] }),
    );
    expect([...encodePuback(513)]).toEqual(bytesOf({ cmd: "puback", messageId: 513 }));
  });

  test("topics that are none are the programmer's error", () => {
    for (const topic of ["", "a/+", "#", "a\0b", "\ud800", "x".repeat(65_536)]) {
      expect(() => encodePublish(topic, "", false)).toThrow();
    }
  });
});

describe("decoder", () => {
  const stream = [
    bytesOf({ cmd: "connack", returnCode: 0, sessionPresent: false }),
    bytesOf({ cmd: "suback", messageId: 1, granted: [0] }),
    publication("a/b", "hello", { retain: true }),
    publication("tö", "", {}),
    bytesOf({ cmd: "pingresp" }),
    publication("q", "x".repeat(300), { qos: 1, messageId: 7, dup: true }),
    publication("empty", ""),
  ];
  const lines = [
    "2 0 0000",
    "9 1 000100",
    "3 1 0 a/b hello",
    "3 0 0 tö ",
    "13 0 ",
    `3 10 7 q ${"x".repeat(300)}`,
    "3 0 0 empty ",
  ];

  test("reads what mqtt-packet generates", () => {
    expect(decode([stream.flat()])).toEqual(lines);
  });

  test("reads the same at every split in two", () => {
    const bytes = stream.flat();
    for (let cut = 1; cut < bytes.length; cut++) {
      expect(decode([bytes.slice(0, cut), bytes.slice(cut)])).toEqual(lines);
    }
  });

  test("reads the same byte by byte", () => {
    expect(decode(stream.flat().map((byte) => [byte]))).toEqual(lines);
  });

  test("waits without a word at every truncation", () => {
    for (const [index, packet] of stream.entries()) {
      for (let cut = 0; cut < packet.length; cut++) {
        expect(decode([...stream.slice(0, index), packet.slice(0, cut)])).toEqual(lines.slice(0, index));
      }
    }
  });

  test("keeps a packet of the largest size and gives the memory back", () => {
    const decoder = new MqttDecoder();
    const payload = "y".repeat(INBOUND_MAX - 3);
    expect(decode([publication("t", payload)], decoder)).toEqual([`3 0 0 t ${payload}`]);
    expect(decoder.buffer.length).toBe(256);
  });

  test("skips and counts a longer publication, whatever the split, and goes on", () => {
    const long = publication("t", "y".repeat(INBOUND_MAX - 2));
    for (const cut of [1, 2, 3, 4, 100, 1000, long.length - 1, long.length]) {
      const decoder = new MqttDecoder();
      expect(decode([long.slice(0, cut), [...long.slice(cut), ...publication("n", "1")]], decoder)).toEqual([
        "3 0 0 n 1",
      ]);
      expect(decoder.skipped).toBe(1);
    }
  });

  test("takes a length of the skip bound, and refuses one beyond it at once", () => {
    expect(decode([[...encodePacket(0x30, [new Uint8Array(SKIP_MAX)])]])).toEqual([]);
    expect(decode([[...encodePacket(0x30, [new Uint8Array(SKIP_MAX + 1)]).subarray(0, 4)]])).toEqual([
      `! packet of ${SKIP_MAX + 1} bytes`,
    ]);
  });

  test.each([
    ["type 0", [0x00, 0], "unexpected packet type 0"],
    ["a client's packet", [0x10, 0], "unexpected packet type 1"],
    ["QoS 2 handshake", [0x50, 2, 0, 1], "unexpected packet type 5"],
    ["reserved type", [0xf0, 0], "unexpected packet type 15"],
    ["flags of CONNACK", [0x21, 2, 0, 0], "bad flags 1"],
    ["QoS 2", [0x34, 0], "bad flags 4"],
    ["QoS 3", [0x36, 0], "bad flags 6"],
    ["five bytes of length", [0x30, 0x80, 0x80, 0x80, 0x80, 0x01], "bad length"],
    ["long CONNACK", [0x20, 3, 0, 0, 0], "packet type 2 of 3 bytes"],
    ["PINGRESP with a body", [0xd0, 1, 0], "packet type 13 of 1 bytes"],
    ["huge SUBACK", [0x90, 0xff, 0x7f], "packet type 9 of 16383 bytes"],
    ["PUBLISH without a topic", [0x30, 1, 0], "short publication"],
    ["PUBLISH without anything", [0x30, 0], "short publication"],
    ["topic longer than the packet", [0x30, 4, 0, 3, 97, 98], "short publication"],
    ["QoS 1 without an id", [0x32, 4, 0, 2, 97, 98], "short publication"],
    ["empty topic", [0x30, 3, 0, 0, 97], "empty topic"],
    ["packet id 0", [0x32, 5, 0, 1, 97, 0, 0], "packet id 0"],
  ])("refuses %s", (_name, bytes, reason) => {
    expect(decode([bytes])).toEqual([`! ${reason}`]);
    expect(decode(bytes.map((byte) => [byte]))).toEqual([`! ${reason}`]);
  });

  test("after junk, a reset makes it read again", () => {
    const decoder = new MqttDecoder();
    expect(decode([publication("a", "b").slice(0, 4), [0xff, 0xff, 0xff, 0xff, 0xff]], decoder)).toEqual([
      "3 0 0 undefined undefined",
      "! unexpected packet type 15",
    ]);
    decoder.reset();
    expect(decode([[0x00, 0xff]], decoder)).toEqual(["! unexpected packet type 0"]);
    decoder.reset();
    expect(decode(stream, decoder)).toEqual(lines);
  });

  test("with seeded random streams and splits it agrees with what was sent", () => {
    let seed = 20260101;
    const random = (limit: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * limit);
    };
    for (let run = 0; run < 200; run++) {
      const bytes: number[] = [];
      const wanted: string[] = [];
      for (let index = 0; index < 6; index++) {
        const payload = "z".repeat(random(random(2) === 0 ? 20 : 3000));
        const packet = publication(`t${index}`, payload);
        bytes.push(...packet);
        if (packet.length <= INBOUND_MAX + 3) wanted.push(`3 0 0 t${index} ${payload}`);
      }
      const chunks: number[][] = [];
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random(400);
        chunks.push(bytes.slice(at, at + size));
        at += size;
      }
      expect(decode(chunks)).toEqual(wanted);
    }
  });

  test("random junk is refused or waited for, never thrown", () => {
    let seed = 7;
    for (let run = 0; run < 2000; run++) {
      const junk = Array.from({ length: 40 }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed >>> 24;
      });
      expect(() => decode([junk])).not.toThrow();
    }
  });
});

test("topic filters match as section 4.7 says", () => {
  const yes = [
    ["a/b", "a/b"],
    ["a/+", "a/b"],
    ["#", "a/b"],
    ["a/#", "a"],
    ["a/#", "a/b/c"],
    ["+/+", "/x"],
    ["/+", "/x"],
    ["a/+/c", "a//c"],
  ];
  const no = [
    ["a/b", "a/c"],
    ["a/+", "a/b/c"],
    ["a/+", "a"],
    ["+", "/x"],
    ["#", "$SYS/x"],
    ["+/x", "$SYS/x"],
    ["a/b/#", "a/c"],
  ];
  for (const [filter, topic] of yes) expect(`${filter} ${topic} ${topicMatches(filter!, topic!)}`).toEndWith("true");
  for (const [filter, topic] of no) expect(`${filter} ${topic} ${topicMatches(filter!, topic!)}`).toEndWith("false");
});
