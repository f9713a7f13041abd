// The MQTT decoder: what it makes of a stream does not depend on how the stream is split, it keeps a bounded buffer, and it stays broken once
// the stream is.

import { INBOUND_MAX, MqttDecoder, PUBLISH } from "../../../device/mqtt_codec.ts";
import { must, type ScriptTarget } from "../target.ts";

/** A packet that is kept, its head, and the step in which the buffer grows. */
const BUFFER_MAX = INBOUND_MAX + 512;

export const mqtt: ScriptTarget = {
  name: "mqtt",
  what: "decoder of the MQTT client",
  run(input) {
    const whole = decode(input, () => input.length);
    for (const step of [1, 7, 300]) {
      const split = decode(input, () => step);
      must(split === whole, `in steps of ${step} bytes: ${split}, in one: ${whole}`);
    }
  },
};

function decode(input: Uint8Array, step: () => number): string {
  const decoder = new MqttDecoder();
  let text = "";
  for (let at = 0; at < input.length; ) {
    const room = decoder.buffer.length - decoder.filled;
    must(room > 0, "no room for another byte");
    const piece = input.subarray(at, at + Math.min(room, Math.max(1, step())));
    decoder.buffer.set(piece, decoder.filled);
    decoder.filled += piece.length;
    at += piece.length;
    for (let type = decoder.next(), packets = 0; type !== 0; type = decoder.next()) {
      must(++packets <= INBOUND_MAX, "it does not come to an end");
      if (type < 0) {
        must(decoder.next() === -1, "a broken stream goes on");
        return `${text}broken: ${decoder.error}`;
      }
      text += packet(decoder, type);
    }
    must(decoder.buffer.length <= BUFFER_MAX, `a buffer of ${decoder.buffer.length} bytes`);
  }
  return `${text}skipped ${decoder.skipped}`;
}

function packet(decoder: MqttDecoder, type: number): string {
  const { start, end, payloadStart, buffer } = decoder;
  must(start <= end && end <= decoder.filled, `a body from ${start} to ${end} of ${decoder.filled} bytes`);
  if (type !== PUBLISH) return `${type} `;
  must(payloadStart >= start + 3 && payloadStart <= end, `a payload at ${payloadStart}`);
  return `${type} ${decoder.flags} ${Buffer.from(buffer.subarray(start, end)).toString("hex")} `;
}
