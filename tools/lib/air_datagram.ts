// The datagrams of an air folder (docs/BOARD.md) as values: pure encoding and decoding. MACs are 12 lower-case hex digits.

const HEAD_BYTES = 20;
export const FRAME_BYTES_MAX = 250;

export interface AirDatagram {
  /** `deaf`: its receiver is on another channel or in the other mode. */
  kind: "frame" | "acknowledgement" | "deaf";
  /** 1..13 */
  channel: number;
  longRange: boolean;
  /** dBm at the receiver. */
  rssi: number;
  /** 0..255; what answers a frame repeats its. */
  sequence: number;
  from: string;
  to: string;
  /** Of a frame only; else empty. */
  bytes: Uint8Array;
}

const KINDS = ["frame", "acknowledgement", "deaf"] as const;

export function encodeAirDatagram(datagram: AirDatagram): Uint8Array {
  const out = Buffer.alloc(HEAD_BYTES + datagram.bytes.length);
  out[0] = KINDS.indexOf(datagram.kind) + 1;
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
  const [kindByte = 0, channel = 0, flags = 0, , sequence = 0] = bytes;
  const kind = KINDS[kindByte - 1];
  const mostBytes = kind === "frame" ? FRAME_BYTES_MAX : 0;
  if (kind === undefined || frameBytes < (kind === "frame" ? 1 : 0) || frameBytes > mostBytes) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    kind,
    channel,
    longRange: (flags & 1) === 1,
    rssi: view.readInt8(3),
    sequence,
    from: view.toString("hex", 8, 14),
    to: view.toString("hex", 14, 20),
    bytes: bytes.slice(HEAD_BYTES),
  };
}
