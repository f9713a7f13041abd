// The whole native API: one declaration per C function (native/mod_*.c). The host firmware prints its exports, and
// tests/native/exports.test.ts compares names and arities with this file. The sorted list `name/arity` is what the
// native-API hash in a bundle's header is made of, so a change here asks for a new firmware.
//
// Conventions: milliseconds are numbers with a fraction; every buffer is a Uint8Array; a function throws a NativeError
// (an Error with a `code`, see port_error in native/port.h) for a caller's mistake or failed hardware, and returns
// undefined, 0 or a negative number for what the outside world does in the normal course of things.

interface Native {
  // ---- system (mod_sys.c)
  /** Registers the loop's body: called after evaluation and after every wait; returns the next deadline on the clock of `now()` (Infinity: none). */
  onTurn(turn: () => number): void;
  /** Milliseconds since this program was started, at boot or by `restartProgram`; monotonic. */
  now(): number;
  /** Restarts the chip. `asked` says that a person or tool wanted it (no random start-up delay); `why` is kept as the reboot reason. Does not return. */
  restart(why: string, asked: boolean): never;
  /** Ends this program and lets the slots decide anew what runs, without a reset of the chip: what it held is given back, boot pins that are outputs
   * keep their level, and a network that is up stays: the next program's `netOn` and `netConnect` find it so. That one's clock begins at 0, with reset
   * reason 1, asked for. The chip is reset all the same where only that will do: for a firmware that waits or is on trial, another profile, recovery. Does not return. */
  restartProgram(why: string): never;
  /** Why this boot happened: 0 power on, 1 software, 2 watchdog, 3 panic, 4 deep sleep, 5 brown-out. */
  resetReason(): number;
  /** True if the restart that led here was asked for (see `restart`). */
  resetAsked(): boolean;
  /** The hardware watchdog resets the chip unless called again within `ms`; 0 disarms. Feeding is calling it again. */
  watchdog(ms: number): void;
  /** Sets the CPU clock in MHz: 80, 160 or 240; false where it cannot be changed. */
  cpuMhz(mhz: number): boolean;
  /** The chip's unique id in lower-case hex, 12 digits. */
  uniqueId(): string;
  /** The machine's name: "host", "esp32", ... */
  machine(): string;
  /** The version of the firmware image, e.g. "0.1.0". */
  firmwareVersion(): string;
  /** One line to the console. */
  log(line: string): void;
  /** Heap figures in bytes; [live, peak, free, largest block], the last two 0 when unknown. */
  heap(): [number, number, number, number];
  /** Runs the cycle collector. */
  collect(): void;
  /** Takes the oldest event; undefined when there is none. */
  nextEvent(): NativeEvent | undefined;
  /** Events dropped since boot because the queue was full. */
  eventsDropped(): number;
  /** UTF-8 bytes of a text. */
  encodeText(text: string): Uint8Array;
  /** Text of UTF-8 bytes from `start` to `end`; undefined when they are not valid UTF-8. */
  decodeText(bytes: Uint8Array, start: number, end: number): string | undefined;
  /** `value` with `digits` decimals, correctly rounded, as printf("%.*f"). */
  formatFixed(value: number, digits: number): string;

  // ---- bundle slots, trial, recorded exceptions (mod_slots.c)
  /** What runs and how it came to: see BundleInfo. */
  bundleInfo(): BundleInfo;
  /** Makes the running bundle permanent and clears the crash count. Idempotent. */
  bundleConfirm(): void;
  /** Prepares the slot that does not run for a bundle with this 256-byte header. Returns the byte offset of the body to go on from (more than 0 when the same header was begun before). Throws when the header does not fit this device. */
  slotBegin(header: Uint8Array): number;
  /** Appends body bytes at `offset` (must be where the last write ended). */
  slotWrite(offset: number, bytes: Uint8Array): void;
  /** Verifies length and SHA-256 of what was written, then writes the header: the next boot tries it. Throws PORT_EBAD and leaves the running bundle in force. */
  slotCommit(): void;
  /** Makes body bytes from `offset` on out of a patch's operations (docs/WIRE.md) and writes those that are not there yet. Returns how many are then. Throws PORT_EINVAL when `offset` leaves a gap or nothing was begun, PORT_EBAD for operations that are none: what was made is dropped then. */
  slotPatch(offset: number, operations: Uint8Array): number;
  /** The length(4) of the running bundle's body, 0 in recovery, and sums(6 each) of its blocks of 512 bytes from number `first` on (docs/WIRE.md), at most `room` bytes in all. */
  slotBlocks(first: number, room: number): Uint8Array;
  /** Stores an exception (message and back trace) for publication; kept over restarts until exceptionClear. */
  exceptionStore(message: string, stack: string): void;
  /** The stored exception as JSON text, or undefined. */
  exceptionRead(): string | undefined;
  exceptionClear(): void;
  /** The reason of the last restart as given to `restart`, or undefined. Kept until rebootReasonClear. */
  rebootReason(): string | undefined;
  rebootReasonClear(): void;
  /** Restarts into the recovery bundle, saying why. Does not return. */
  recover(why: string): never;

  // ---- firmware slots (mod_firmware.c)
  firmwareInfo(): FirmwareInfo;
  /** Prepares the firmware slot that does not run for an image of `size` bytes. Returns the offset to go on from (more than 0 when the same one was begun before). Throws PORT_EFULL when it does not fit, PORT_EBUSY while the running firmware is on trial, PORT_ENOTSUP without slots. */
  firmwareBegin(size: number, sha256: Uint8Array): number;
  /** Appends bytes at `offset` (must be where the last write ended). */
  firmwareWrite(offset: number, bytes: Uint8Array): void;
  /** Verifies, then makes the next boot try it (pending). Throws PORT_EBAD. */
  firmwareCommit(): void;
  /** Makes the running firmware permanent. Idempotent. */
  firmwareConfirm(): void;

  // ---- the configuration on trial (mod_firmware.c)
  /** Puts the file `from` in config.txt's place in one step. What config.txt was comes back unless configConfirm is called in time. */
  configTry(from: string): void;
  /** Makes the config.txt that this boot tries permanent; one that waits for the restart into it stays on trial. Idempotent. */
  configConfirm(): void;
  configInfo(): ConfigInfo;

  // ---- NVS (mod_nvs.c): text values by namespace and key (at most 15 characters each)
  nvsGet(space: string, key: string): string | undefined;
  nvsSet(space: string, key: string, value: string): void;
  nvsRemove(space: string, key: string): void;

  // ---- files (mod_file.c): names as in port.h; a bad name throws PORT_EINVAL
  /** Size in bytes, or -1 when there is no such file. */
  fileSize(name: string): number;
  /** Reads at most `length` bytes at `offset`; fewer at the end of the file. Throws when there is no such file. */
  fileRead(name: string, offset: number, length: number): Uint8Array;
  fileWrite(name: string, offset: number, bytes: Uint8Array): void;
  fileSync(name: string): void;
  fileRename(from: string, to: string): void;
  /** False when there was no such file. */
  fileRemove(name: string): boolean;
  /** Alternating name and size. */
  fileList(): (string | number)[];
  fileSpace(): number;

  // ---- network interface (mod_net.c)
  /** kind: 0 Wi-Fi, 1 wired, 2 wired2, 3 qemu */
  netOn(kind: number): void;
  netConnect(ssid: string, password: string): void;
  netOff(): void;
  /** 0 off, 1 on, 2 connecting, 3 up, 4 lost */
  netState(): number;
  /** "1.2.3.4", or "0.0.0.0" */
  netAddress(): string;
  /** "AA:BB:CC:DD:EE:FF" */
  netMac(): string;
  /** [rssi in dBm, channel], 0 when unknown */
  netSignal(): [number, number];
  /** IPv4 address of a host name, or undefined. May block for 10 s. */
  netResolve(name: string): string | undefined;

  // ---- TCP sockets (mod_socket.c): non-blocking; ids are small integers
  /** Begins to connect. Throws PORT_ENOMEM when all sockets are in use. */
  socketConnect(address: string, port: number): number;
  /** Listens on the device's own address; at most one pending connection. */
  socketListen(port: number): number;
  /** The next pending connection, or -1. */
  socketAccept(id: number): number;
  /** 0 connecting, 1 open, -1 failed or closed. */
  socketState(id: number): number;
  /** Sends bytes from `start` to `end`; returns how many were taken (0: no room now), or -1 when the connection is gone. */
  socketSend(id: number, bytes: Uint8Array, start: number, end: number): number;
  /** Reads into `bytes` from `start` on; returns how many, 0 when there are none now, -1 when the connection is gone. A turn reads until 0 or asks to be called again: readiness is reported once. */
  socketReceive(id: number, bytes: Uint8Array, start: number): number;
  socketClose(id: number): void;

  // ---- crypto (mod_crypto.c)
  random(length: number): Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
  /** SHA-256 of a file. */
  sha256File(name: string): Uint8Array;
  /** Begins a Noise_NNpsk0_25519_ChaChaPoly_SHA256 session; returns its id. At most 2 at a time. */
  noiseBegin(initiator: boolean, psk: Uint8Array, prologue: Uint8Array): number;
  /** Writes the next handshake or transport message; returns it. */
  noiseWrite(id: number, payload: Uint8Array): Uint8Array;
  /** Reads a handshake or transport message; returns its payload, or undefined when it does not verify (the session is then dead). */
  noiseRead(id: number, message: Uint8Array): Uint8Array | undefined;
  noiseEnd(id: number): void;

  // ---- pins and buses (mod_pins.c)
  /** mode: 0 input, 1 with pull-up, 2 with pull-down, 3 output, 4 open drain */
  pinMode(pin: number, mode: number, level: number): void;
  pinWrite(pin: number, level: number): void;
  pinRead(pin: number): number;
  uartOpen(uart: number, txPin: number, rxPin: number, baud: number): void;
  /** False when the bytes do not fit right now. */
  uartWrite(uart: number, bytes: Uint8Array): boolean;
  /** Reads into `bytes` from `start` on; returns how many. */
  uartRead(uart: number, bytes: Uint8Array, start: number): number;
  uartClose(uart: number): void;
  i2cOpen(bus: number, sdaPin: number, sclPin: number, hz: number): void;
  /** Writes, then reads `readLength` bytes; undefined when the device does not acknowledge. Throws PORT_ETIMEOUT on a stuck bus. */
  i2cTransfer(bus: number, address: number, write: Uint8Array, readLength: number): Uint8Array | undefined;
  i2cClose(bus: number): void;

  // ---- ESP-NOW (mod_espnow.c). Event kind 5: a frame came; number = channel, value = RSSI in dBm, data = MAC (6) + frame.
  //      Event kind 6: the frame given to espnowSend is done; value 1 acknowledged (or broadcast sent), 0 not.
  /** Radio on for ESP-NOW. channel 1..13, or 0 to follow the Wi-Fi station. `longRange`: long-range mode and 250 kbit/s. */
  espnowOn(channel: number, longRange: boolean): void;
  espnowOff(): void;
  /** The channel the radio is on now; 0 when off. */
  espnowChannel(): number;
  /** Sends one frame of 1..250 bytes to a MAC (6 bytes; all 0xFF: broadcast). False while the one before is not done (see event 6). The port keeps the table of 20 peers; the least recently used one leaves. */
  espnowSend(mac: Uint8Array, frame: Uint8Array): boolean;

  // ---- sleep (mod_sleep.c)
  /** Sleeps deeply; then boots with reason 4. RTC memory survives. Does not return. */
  deepSleep(ms: number): never;
  /** The 128 bytes of RTC memory that are the program's; zero after power-on. */
  rtcRead(): Uint8Array;
  /** Replaces its first bytes; at most 128. */
  rtcWrite(bytes: Uint8Array): void;

  // ---- parts with timing of their own (mod_parts.c)
  /** 1-Wire reset pulse; true if a device answered. Throws PORT_EIO on a bus held low. */
  onewireReset(pin: number): boolean;
  onewireWrite(pin: number, bytes: Uint8Array): void;
  onewireRead(pin: number, length: number): Uint8Array;
  /** One search step: reads a bit and its complement, then writes `direction` where both are possible. Bits: 0 the bit, 1 its complement, 2 what was written (3 in the low two: nobody is there, nothing is written). */
  onewireTriplet(pin: number, direction: number): number;
  /** One HX711 reading (two's complement, 24 bit) with `pulses` 25..27 clock pulses; undefined while the part is not ready. */
  hx711Read(dataPin: number, clockPin: number, pulses: number): number | undefined;
  /** Counts rising edges on a pin, ignoring pulses shorter than `filterNs`. One counter. Throws PORT_ENOTSUP where the chip has none. */
  pulseOpen(pin: number, filterNs: number): void;
  /** Edges since pulseOpen, modulo 2^32. */
  pulseRead(): number;
  pulseClose(): void;
  /** Receives edge timings (OOK). A silence of `idleUs` ends a burst. Event kind 7: number = pin, data = 16-bit little-endian values, bit 15 the level, bits 0..14 its length in microseconds (0x7FFF: that or longer), at most 128. `hardware`: by the RMT peripheral (PORT_ENOTSUP where there is none), else by pin interrupts. One receiver. */
  edgesOpen(pin: number, filterUs: number, idleUs: number, hardware: boolean): void;
  edgesClose(): void;
  /** One transaction of a 74HC165/74HC595 pair on common latch and clock: latches inputs, shifts `bits` (1..32) in and `value` out, LSB first, latches outputs. Returns the inputs. */
  shiftExchange(latchPin: number, clockPin: number, inPin: number, outPin: number, bits: number, value: number): number;
  /** Events of kind 3 for both edges of an input. */
  pinWatch(pin: number, on: boolean): void;

  // ---- more crypto (mod_cipher.c)
  /** AES-CBC without padding; key 16 or 32 bytes, iv 16, length a multiple of 16 (else PORT_EINVAL). */
  aesCbc(encrypt: boolean, key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** X25519 of RFC 7748: scalar and point of 32 bytes. undefined for an all-zero result. */
  x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined;
  /** ChaCha20-Poly1305 of RFC 8439: nonce 12 bytes; ciphertext with the 16-byte tag behind it. */
  aeadSeal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, bytes: Uint8Array): Uint8Array;
  /** undefined when it does not verify. */
  aeadOpen(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, bytes: Uint8Array): Uint8Array | undefined;

  // ---- serial console (mod_console.c). Event kind 4: bytes can be read; it comes again only after a read.
  /** Reads into `bytes` from `start` on; returns how many. */
  consoleRead(bytes: Uint8Array, start: number): number;
  /** Writes bytes from `start` to `end`; returns how many were taken. Up to 1152 bytes are taken all or not at all, and no log line gets between them. */
  consoleWrite(bytes: Uint8Array, start: number, end: number): number;
  /** CRC-32 (IEEE 802.3) of the bytes from `start` to `end`, 0..2^32-1. */
  crc32(bytes: Uint8Array, start: number, end: number): number;
}

/** An event of the native queue. kind: 1 network changed, 2 UART readable, 3 pin edge, 4 console readable, 5 ESP-NOW frame, 6 ESP-NOW frame sent, 7 edge timings. */
type NativeEvent = [kind: number, number: number, value: number, timeMs: number, data: Uint8Array];

interface NativeError extends Error {
  /** enum port_error, negative */
  code: number;
}

interface BundleInfo {
  /** 0 or 1; -1 for the recovery bundle */
  slot: number;
  /** 1 on trial, 2 permanent, 0 recovery */
  state: number;
  profile: string;
  version: string;
  /** First 16 hex digits of the body's SHA-256: the bundle's name in the artifact store. */
  hash: string;
  /** Hex digits. */
  engineId: string;
  apiHash: string;
  /** The bundle that was taken back last, or "". Kept until the next commit. */
  rejectedHash: string;
  /** Why: "crash", "watchdog", "power", "deadline", "restart", "config", "hand", or "". */
  rejectedWhy: string;
  /** Why recovery runs: "none" (no valid bundle), "crashloop", or the text given to `recover`; "" otherwise. */
  recoveryWhy: string;
}

interface FirmwareInfo {
  /** The slot that runs, 0 or 1; -1 on a machine without firmware slots: the rest is then empty. */
  slot: number;
  /** As in ESP-IDF's otadata: 0 new, 1 pending (on trial), 2 valid, 3 invalid (taken back), 4 aborted (its trial ended badly), -1 undefined. */
  state: number;
  version: string;
  /** 16 hex digits that name the image. */
  hash: string;
  /** Bytes of the other slot. */
  space: number;
  otherState: number;
  /** "" when the other slot holds no image. */
  otherVersion: string;
  otherHash: string;
  /** The firmware that was taken back last, or "". Kept until the next commit. */
  rejectedHash: string;
  /** Why, as in BundleInfo; also "image": the boot loader did not accept it. */
  rejectedWhy: string;
}

interface ConfigInfo {
  /** True while config.txt is on trial, or waits for the restart into it. */
  trial: boolean;
  /** First 16 hex digits of the SHA-256 of the configuration that was taken back last, or "". Kept until the next one. */
  rejectedHash: string;
  /** Why, as in BundleInfo. */
  rejectedWhy: string;
}

declare const native: Native;
