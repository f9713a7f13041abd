// Scenarios of the wall switches.

import { SHIFTED_OUTPUTS } from "../parts.ts";
import {
  edges,
  forget,
  gaps,
  mark,
  online,
  order,
  pins,
  type Scenario,
  type Step,
  says,
  sees,
  send,
  wait,
  world,
} from "../scenario.ts";

const profile = "switch";
/** Slower than the sample's, so that an hour has fewer turns of the loop. */
const times = (driver: string) => `driver ${driver}\npoll 50\ndebounce 100\nlongpress 1000`;

/** Direct4: inputs rest at high levels. */
const MANUALS = [26, 34, 33, 35] as const;
const rest = (...inputs: readonly number[]) => inputs.map((pin) => `pin ${pin} 1`);
const direct4 = { profile, config: times("Direct4"), before: rest(...MANUALS) };
const outputs = (a: number, b: number, c: number, d: number) => pins({ 17: a, 16: b, 32: c, 12: d });

const press = (pin: number, level = 0, duration = "400ms"): Step[] => [
  world(`pin ${pin} ${level}`),
  wait(duration),
  world(`pin ${pin} ${1 - level}`),
  wait("2s"),
];
const program = (text: string): Step[] => [
  send("Program", text),
  sees("ProgramCompilation", "Success", "5s"),
  wait("2s"),
];

export const SWITCH: Scenario[] = [
  {
    ...direct4,
    name: "switch/default",
    proves: ["switch.default", "switch.direct4", "switch.events", "switch.state", "switch.push"],
    steps: [
      online,
      wait("50s"),
      says("Manual1/Event"),
      sees("1/State", "0"),
      outputs(0, 0, 0, 0),
      ...press(MANUALS[1]),
      outputs(0, 1, 0, 0),
      says("1/State", "1"),
      says("Manual1/Event", "P"),
      ...press(MANUALS[1]),
      outputs(0, 0, 0, 0),
      says("1/State", "0"),
      says("Manual1/Event", "P"),
      ...MANUALS.flatMap((pin) => press(pin)),
      outputs(1, 1, 1, 1),
    ],
  },
  {
    ...direct4,
    name: "switch/long_press",
    proves: ["switch.push", "switch.events", "switch.times"],
    steps: [
      online,
      ...program("0:P:-0,-1/+0/+1"),
      ...press(MANUALS[0]),
      outputs(1, 0, 0, 0),
      forget,
      mark,
      world(`pin ${MANUALS[0]} 0`),
      sees("Manual0/Event", "P", "500ms"),
      outputs(1, 1, 0, 0),
      sees("Manual0/Event", "L", "2s", "1s"),
      outputs(0, 0, 0, 0),
      world(`pin ${MANUALS[0]} 1`),
      wait("2s"),
      says("Manual0/Event"),
    ],
  },
  {
    ...direct4,
    name: "switch/bouncing",
    proves: ["switch.times"],
    config: "driver Direct4\npoll 50\ndebounce 500\nlongpress 1000",
    steps: [
      online,
      ...Array.from({ length: 6 }, (_, index) => [world(`pin ${MANUALS[0]} ${index % 2}`), wait("300ms")]).flat(),
      wait("2s"),
      says("Manual0/Event"),
      outputs(0, 0, 0, 0),
      ...press(MANUALS[0], 0, "800ms"),
      says("Manual0/Event", "P"),
      outputs(1, 0, 0, 0),
    ],
  },
  {
    ...direct4,
    name: "switch/commands",
    proves: ["switch.command", "switch.state"],
    steps: [
      online,
      ...(["on", "1", "up"] as const).flatMap((on, index) => [
        send("2/State", on),
        sees("2/State", "1", "2s"),
        outputs(0, 0, 1, 0),
        send("2/State", ["off", "0", "down"][index] ?? ""),
        sees("2/State", "0", "2s"),
        outputs(0, 0, 0, 0),
      ]),
      ...["ON", "2", ""].flatMap((payload) => [send("2/State", payload), wait("2s"), says("2/State")]),
      outputs(0, 0, 0, 0),
    ],
  },
  {
    ...direct4,
    name: "switch/forced",
    proves: ["switch.state", "all.publish"],
    steps: [online, sees("0/State", "0"), wait("31m"), gaps("0/State", 3, "10m")],
  },
  {
    ...direct4,
    name: "switch/program",
    proves: ["switch.program", "switch.language", "switch.push", "switch.current"],
    steps: [
      online,
      wait("2s"),
      send("Program", "0:P:-0,-1,-2/+0,-1/+1;1:P:-3/+3"),
      sees("ProgramCompilation", "Success", "5s"),
      sees("Program", "0:P:-0,-1,-2/+0,-1/+1;1:P:-3/+3", "2s"),
      ...press(MANUALS[0]),
      outputs(1, 0, 0, 0),
      ...press(MANUALS[0]),
      outputs(1, 1, 0, 0),
      // Both -0,-1,-2 and +0,-1 do not match, so it is in the third phase, and the first one follows.
      ...press(MANUALS[0]),
      outputs(0, 0, 0, 0),
      send("2/State", "on"),
      wait("2s"),
      // No phase matches 0,0,1: before the first one.
      ...press(MANUALS[0]),
      outputs(0, 0, 0, 0),
      ...press(MANUALS[1]),
      outputs(0, 0, 0, 1),
      forget,
      // A manual without a rule does nothing.
      ...press(MANUALS[2]),
      says("Manual2/Event"),
      outputs(0, 0, 0, 1),
    ],
  },
  {
    ...direct4,
    name: "switch/modulo",
    proves: ["switch.modulo"],
    steps: [
      online,
      wait("2s"),
      // Of four manuals and outputs: manual 2, output 1.
      ...program("6:P:-5/+5"),
      ...press(MANUALS[2]),
      outputs(0, 1, 0, 0),
      says("Manual2/Event", "P"),
    ],
  },
  {
    ...direct4,
    name: "switch/toggle",
    proves: ["switch.toggle", "switch.events"],
    steps: [
      online,
      wait("2s"),
      ...program("0:T:-0/+0"),
      world(`pin ${MANUALS[0]} 0`),
      wait("3s"),
      outputs(1, 0, 0, 0),
      says("Manual0/Event", "T+"),
      world(`pin ${MANUALS[0]} 1`),
      wait("3s"),
      outputs(0, 0, 0, 0),
      says("Manual0/Event", "T-"),
    ],
  },
  {
    ...direct4,
    name: "switch/follow",
    proves: ["switch.follow", "switch.events"],
    steps: [
      online,
      wait("2s"),
      ...program("0:R:-0/+0;1:R:-1/+1"),
      world(`pin ${MANUALS[0]} 0`),
      wait("3s"),
      outputs(1, 0, 0, 0),
      says("Manual0/Event", "R+"),
      world(`pin ${MANUALS[0]} 1`),
      wait("3s"),
      outputs(0, 0, 0, 0),
      says("Manual0/Event", "R-"),
      // While it has no power both are moved.
      send("1/State", "on"),
      wait("2s"),
      world("power off"),
      wait("1s"),
      world(`pin ${MANUALS[0]} 0`),
      world("power on"),
      sees("LWT", "online", "60s"),
      outputs(1, 0, 0, 0),
    ],
  },
  {
    ...direct4,
    name: "switch/errors",
    proves: ["switch.errors", "switch.in_force"],
    steps: [
      online,
      wait("2s"),
      ...program("0:P:-3/+3"),
      ...[
        ["", "Program is nil"],
        ["0:P", "Program manual unexp: 0:P"],
        ["x:P:+1", "Program manual# unexp: x"],
        ["0:Q:+1", "Program kind unexp: Q"],
        ["0:P:+1//-1", "Phase empty"],
        ["0:P:+", "Switch len unexp: +"],
        ["0:P:*1", "Switch sign unexp: *1"],
        ["0:P:+y", "Phase switch# unexp: +y"],
      ].flatMap(([text = "", error = ""]) => [send("Program", text), sees("ProgramCompilation", error, "5s")]),
      wait("2s"),
      forget,
      ...press(MANUALS[0]),
      outputs(0, 0, 0, 1),
      send("Refresh", "1"),
      sees("Program", "0:P:-3/+3", "5s"),
    ],
  },
  {
    ...direct4,
    name: "switch/restored",
    proves: ["switch.restored"],
    steps: [
      online,
      wait("2s"),
      ...program("0:P:-3/+3"),
      send("0/State", "on"),
      send("2/State", "on"),
      wait("2s"),
      world("power off"),
      wait("1s"),
      world("power on"),
      // Before the random delay is over.
      wait("500ms"),
      outputs(1, 0, 1, 0),
      sees("LWT", "online", "60s"),
      wait("2s"),
      ...press(MANUALS[0]),
      outputs(1, 0, 1, 1),
    ],
  },
  ...(
    [
      ["dtwonder2", [36, 39], [16, 2], undefined, 0],
      ["dtwonder4", [36, 39, 33, 35], [16, 2, 32, 12], undefined, 0],
      ["hoffer6", [36, 39, 32, 33, 25, 26, 27, 14], [4, 16, 17, 18, 19, 23], 2, 1],
      ["minir4", [27, 0], [26], 19, 0],
    ] as const
  ).map(
    ([driver, inputPins, outputPins, led, pressed]): Scenario => ({
      name: `switch/${driver}`,
      profile,
      proves: [`switch.${driver}`, "switch.default", ...(led === undefined ? [] : ["all.led"])],
      config: times(driver),
      before: inputPins.map((pin) => `pin ${pin} ${1 - pressed}`),
      steps: [
        online,
        wait("2s"),
        ...inputPins.flatMap((pin, manual) => {
          // With more manuals than outputs the later ones switch the first outputs off again.
          const output = outputPins[manual % outputPins.length] as number;
          return [...press(pin, pressed), pins({ [output]: manual < outputPins.length ? 1 : 0 })];
        }),
        mark,
        wait("10s"),
        ...(led === undefined ? [edges(2, 0), edges(19, 0)] : [edges(led, 9, 11)]),
      ],
    }),
  ),
  {
    name: "switch/dtwonder8",
    profile,
    proves: ["switch.dtwonder8"],
    config: times("dtwonder8"),
    steps: [
      online,
      wait("2s"),
      world("inputs 11111011"),
      wait("400ms"),
      world("inputs 11111111"),
      wait("2s"),
      pins({ [SHIFTED_OUTPUTS]: 0, [SHIFTED_OUTPUTS + 2]: 1, [SHIFTED_OUTPUTS + 7]: 0 }),
      says("Manual2/Event", "P"),
    ],
  },
  {
    name: "switch/no_flicker",
    profile,
    proves: ["switch.enable", "switch.restored", "switch.dtwonder8"],
    config: times("dtwonder8"),
    steps: [
      online,
      send("0/State", "on"),
      send("7/State", "on"),
      wait("2s"),
      pins({ 32: 0, [SHIFTED_OUTPUTS]: 1, [SHIFTED_OUTPUTS + 1]: 0, [SHIFTED_OUTPUTS + 7]: 1 }),
      mark,
      send("OTA", "reboot"),
      sees("LWT", "online", "60s"),
      order("reset=software", `pin ${SHIFTED_OUTPUTS}=1`, `pin ${SHIFTED_OUTPUTS + 7}=1`, "pin 32=0"),
      edges(32, 1),
      pins({ [SHIFTED_OUTPUTS]: 1, [SHIFTED_OUTPUTS + 7]: 1 }),
    ],
  },
];
