// The program of the bench's part `netnow`: nothing but the codecs of both versions of ESP-NOW, a batch of frames a turn. Which stage begins and
// ends it says on the console, where the PC takes the time.

import { DATA, decodeFrame, encodeFrame, ID_LENGTH, netnowKeys } from "../../../device/netnow_codec.ts";
import { DATA3, NUMBER_LENGTH, seal, unseal } from "../../../device/netnow3_codec.ts";

const BATCH = 2000;
const TURNS = 10;
const PAYLOAD = new Uint8Array(128);

const keys = netnowKeys("a-long-random-key", "home");
const ids = new Uint8Array(ID_LENGTH);
const number = new Uint8Array(NUMBER_LENGTH);
const packet = { type: DATA, subtype: 0, time: ids, tid: ids, payload: PAYLOAD };
const two = encodeFrame(keys, packet);
const three = seal(keys.key, false, DATA3, number, PAYLOAD);

const stages: [string, () => unknown][] = [
  ["encode2", () => encodeFrame(keys, packet)],
  ["decode2", () => typeof decodeFrame(keys, two) === "object"],
  ["encode3", () => seal(keys.key, false, DATA3, number, PAYLOAD)],
  ["decode3", () => unseal(keys.key, false, three)],
];
let turns = 0;

native.onTurn(() => {
  const stage = stages[Math.floor(turns / (TURNS + 1))];
  if (stage === undefined) return Number.POSITIVE_INFINITY;
  const turn = turns++ % (TURNS + 1);
  const [name, work] = stage;
  // The first batch is not counted: it makes what is made on first use.
  for (let count = 0; count < BATCH; count++) if (!work()) throw new Error(name);
  if (turn === 0) native.log(`begin ${name}`);
  if (turn === TURNS) native.log(`end ${name} ${BATCH * TURNS}`);
  return native.now() + 1;
});
