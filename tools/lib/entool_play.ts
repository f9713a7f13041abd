// What entool does in a role: wait for frames, see that none comes, send one and see what that brings, or play on until it is told to end.

import { createInterface } from "node:readline";
import { BACK_MAX } from "../../device/netnow_codec.ts";
import { isAsked, numberOf, print } from "./entool_air.ts";
import { checkFault3, type Fault } from "./entool_faults.ts";
import { hexBytes, NAMES3, TYPES } from "./entool_frames.ts";
import { Role, type RoleFrame, type RoleName, type RoleOptions } from "./entool_role.ts";
import { messageOf, UsageError, UserError } from "./errors.ts";
import { waitUntil } from "./wait_until.ts";

export interface PlayOptions {
  json?: boolean;
  for?: string;
  text?: string;
  count?: string;
  payload?: string;
  fault?: Fault;
  expect?: string;
  expectText?: string;
}

/** How long nothing must come. */
const NOTHING_MS = 3000;

/** What each role says, by version. */
const SAID: Record<"2" | "3", Record<RoleName, string[]>> = {
  2: { central: ["ts", "tsconfirm", "tsback"], peripheral: ["data", "ping", "wakeup", "pairreq"] },
  3: { central: ["beacon", "answer", "confirm", "back"], peripheral: ["request", "wakeup", "data"] },
};

const PAIRING = ["beacon", "request", "answer"];

function typesOf({ version }: RoleOptions): string[] {
  return version === "2" ? Object.keys(TYPES) : Object.values(NAMES3);
}

function make(role: RoleOptions): Role {
  try {
    return new Role(role);
  } catch (thrown) {
    throw new UserError(`No air in ${role.folder}: ${(thrown as Error).message}`);
  }
}

/** Plays the role until `count` frames as asked have come or the time is over; how many came. */
async function listen(
  options: RoleOptions,
  type: string | undefined,
  play: PlayOptions,
  count: number,
): Promise<number> {
  const types = typesOf(options);
  if (type !== undefined && !types.includes(type)) throw new UsageError(`type ${type}: one of ${types.join(", ")}`);
  const limitMs = numberOf("--for", play.for ?? "10", 0, 1e6) * 1000;
  const role = make(options);
  let came = 0;
  role.onHeard = (frame) => {
    if (came >= count || !isAsked(frame.told, type, play.text)) return;
    print(play, frame, frame.told);
    came++;
  };
  role.start();
  await waitUntil(() => came >= count, limitMs);
  await role.close();
  return came;
}

export async function receiveAs(role: RoleOptions, type: string | undefined, play: PlayOptions): Promise<void> {
  const count = numberOf("--count", play.count ?? "1", 1, 1e6);
  const came = await listen(role, type, play, count);
  if (came < count) throw new UserError(`${came} of ${count} frames came in ${play.for} s.`);
}

export async function refuseToHearAs(role: RoleOptions, type: string | undefined, play: PlayOptions): Promise<void> {
  if ((await listen(role, type, play, 1)) > 0) throw new UserError("A frame came that should not.");
}

/** Plays the role until a frame of the type has left, spoiled if that is asked, and then until what is expected has come. */
export async function transmitAs(options: RoleOptions, type: string, play: PlayOptions): Promise<void> {
  const known = SAID[options.version][options.role];
  if (!known.includes(type))
    throw new UsageError(`type ${type}: a ${options.role} of version ${options.version} says ${known.join(", ")}`);
  const types = typesOf(options);
  if (play.expect !== undefined && play.expect !== "nothing" && !types.includes(play.expect))
    throw new UsageError(`--expect ${play.expect}: nothing, or one of ${types.join(", ")}`);
  // Before anything is said: a frame that cannot be spoiled must not leave as a good one.
  if (options.version === "3" && play.fault !== undefined) checkFault3(PAIRING.includes(type), play.fault);
  const payload = payloadOf(play);
  const limitMs = numberOf("--for", play.for ?? "30", 0, 1e6) * 1000;
  const role = make(options);
  if (play.fault !== undefined) role.spoilNext(type, play.fault);
  let said: RoleFrame | undefined;
  const answers: RoleFrame[] = [];
  role.onSaid = (frame, fault) => {
    if (frame.told.type === type && fault === play.fault) said ??= frame;
  };
  role.onHeard = (frame) => {
    if (said !== undefined && answersTo(said, frame)) answers.push(frame);
  };
  const failed = () => {
    if (role.failure !== undefined) throw role.failure;
  };
  try {
    role.start();
    const endMs = performance.now() + limitMs;
    if (type === "pairreq" || type === "request") role.pair();
    const sends = type === "data" || type === "back" || type === "tsback" || type === "ping";
    if (sends && !(await waitUntil(() => role.ready, limitMs)))
      throw new UserError(`Nobody to speak to in ${limitMs / 1000} s: look at --channel, --psk, --group and --v.`);
    if (sends)
      await waitUntil(
        () => (type === "ping" ? role.ping() : role.send(payload)) || said !== undefined,
        endMs - performance.now(),
      );
    if (!(await waitUntil(() => said !== undefined || role.failure !== undefined, endMs - performance.now())))
      throw new UserError(`No ${type} left in ${limitMs / 1000} s: nothing made the ${options.role} say it.`);
    failed();
    const { expect: expected, expectText = "" } = play;
    const asked = () => answers.find((each) => isAsked(each.told, expected, expectText));
    if (expected === "nothing") await waitUntil(() => answers.length > 0, NOTHING_MS);
    else if (expected !== undefined) await waitUntil(() => asked() !== undefined, endMs - performance.now());
    report(type, said as RoleFrame, answers, play);
    if (expected === "nothing" && answers.length > 0)
      throw new UserError(`It was answered with ${answers[0]?.told.type}, and should not have been.`);
    if (expected !== undefined && expected !== "nothing" && asked() === undefined)
      throw new UserError(`No ${expected} came in ${limitMs / 1000} s.`);
  } finally {
    await role.close();
  }
}

/** Plays the role and shows what it hears; each typed line is a payload to send, `q` ends it. */
export async function playOn(options: RoleOptions, play: PlayOptions): Promise<void> {
  const role = make(options);
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  role.onHeard = (frame) => print(play, frame, frame.told);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line === "q") finish();
    else if (line === "counts") tellCounts(role, play);
    else sayLine(role, line);
  });
  process.once("SIGINT", finish);
  const limit = play.for === undefined ? undefined : setTimeout(finish, numberOf("--for", play.for, 0, 1e6) * 1000);
  role.start();
  await over;
  clearTimeout(limit);
  lines.close();
  tellCounts(role, play);
  await role.close();
}

/** A line that cannot be sent ends nothing. */
function sayLine(role: Role, line: string): void {
  try {
    if (!role.send(payloadOf({ text: line }))) console.error("nobody is there to take it yet");
  } catch (thrown) {
    console.error(messageOf(thrown));
  }
}

function tellCounts(role: Role, play: PlayOptions): void {
  console.log(play.json ? JSON.stringify({ counts: role.counts.text() }) : `counts: ${role.counts.text()}`);
}

/** A confirm answers the frame that it names; whatever else comes for this pair is an answer to what was said last. A central that serves both
 * versions says things that are nobody's here. */
function answersTo(said: RoleFrame, { told }: RoleFrame): boolean {
  const number = Buffer.from(said.bytes.subarray(2, 10)).toString("hex");
  const { session = 0, count = 0 } = said.told;
  const before = session.toString(16).padStart(8, "0") + count.toString(16).padStart(8, "0");
  if (told.type === "tsconfirm") return told.confirms === said.told.tid;
  if (told.type === "confirm") return told.confirms === number || told.confirms === before;
  return told.type !== undefined && told.type !== "ts" && told.type !== "beacon";
}

function report(type: string, said: RoleFrame, answers: RoleFrame[], play: PlayOptions): void {
  const came = answers.map(({ told }) => told.type);
  if (play.json)
    console.log(JSON.stringify({ sent: type, bytes: said.bytes.length, fault: play.fault, answers: came }));
  else
    console.log(
      `sent ${type}, ${said.bytes.length} bytes${play.fault === undefined ? "" : `, fault ${play.fault}`}; ${came.length === 0 ? "no answer" : `answers: ${came.join(", ")}`}`,
    );
}

function payloadOf({ payload, text = "" }: PlayOptions): Uint8Array {
  const bytes = payload === undefined ? new TextEncoder().encode(unescaped(text)) : hexBytes("--payload", payload);
  if (bytes.length > BACK_MAX) throw new UsageError(`a payload of ${bytes.length} bytes: at most ${BACK_MAX}`);
  return bytes;
}

function unescaped(text: string): string {
  return text.replaceAll("\\n", "\n");
}
