// The numbers of sent frames: session(4) count(4), big-endian, never one twice in the life of the chip's NVS. The keys lie in the same
// NVS, so what loses the one loses the other.

/** Sessions that one write to NVS reserves. Those that a boot leaves over are lost: 2^32 last for 16 million boots. */
export const SESSIONS_RESERVED = 256;
const SPACE = "netnow";
const KEY = "sessions";
const LIMIT = 0xffffffff;

export class Netnow3Numbers {
  private session: number;
  private count: number;
  private following: number;
  private end: number;

  constructor() {
    this.following = this.end = Number(native.nvsGet(SPACE, KEY) ?? 0);
    this.session = this.count = 0;
    this.renew();
  }

  /** Begins a session. It is reserved before it is used: a cut of power can only leave some over. Throws when there is none left. */
  renew(): void {
    if (this.following === this.end) {
      const end = this.end + SESSIONS_RESERVED;
      if (!(end <= LIMIT)) throw new Error("no session is left");
      native.nvsSet(SPACE, KEY, String(end));
      this.end = end;
    }
    this.session = this.following++;
    this.count = 0;
  }

  next(): Uint8Array {
    if (this.count === LIMIT) this.renew();
    const bytes = new Uint8Array(8);
    put32(bytes, 0, this.session);
    put32(bytes, 4, this.count++);
    return bytes;
  }
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4; index++) bytes[at + index] = (value >>> (24 - 8 * index)) & 255;
}
