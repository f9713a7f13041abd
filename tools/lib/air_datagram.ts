// The datagrams of an air folder (docs/BOARD.md) as values: pure encoding and decoding. MACs are 12 lower-case hex digits.

const HEAD_BYTES = 20;
export const FRAME_BYTES_MAX = 250;

export interface AirDatagram {
  kind: "frame" | "acknowledgement";
  /** 1..13 */
  channel: number;
  longRange: boolean;
  /** dBm at the receiver. */
  rssi: number;
  /** 0..255; an acknowledgement repeats the frame's. */
  sequence: number;
  from: string;
  to: string;
  /** Empty in an acknowledgement. */
  bytes: Uint8Array;
}

export function encodeAirDatagram(datagram: AirDatagram): Uint8Array {
  const out = Buffer.alloc(HEAD_BYTES + datagram.bytes.length);
  out[0] = datagram.kind === "frame" ? 1 : 2;
  out[1] = datagram.channel;
  out[2] = datagram.longRange ? 1 : 0;
  out.writeInt8(datagram.rssi, 3);
  out[4] = datagram.sequence;
  out.write(datagram.from, 8, "hex");
  out.write(datagram.to, 14, "hex");
  out.set(datagram.bytes, HEAD_BYTES);
  return out;
}

/** Undefined for what is none. */
export function decodeAirDatagram(bytes: Uint8Array): AirDatagram | undefined {
  const frameBytes = bytes.length - HEAD_BYTES;
  const [kind, channel = 0, flags = 0, , sequence = 0] = bytes;
  if (kind === 1 ? frameBytes < 1 || frameBytes > FRAME_BYTES_MAX : kind !== 2 || frameBytes !== 0) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    kind: kind === 1 ? "frame" : "acknowledgement",
    channel,
    longRange: (flags & 1) === 1,
    rssi: view.readInt8(3),
    sequence,
    from: view.toString("hex", 8, 14),
    to: view.toString("hex", 14, 20),
    bytes: bytes.slice(HEAD_BYTES),
  };
}
