// Proves each sentence of the reference on the wall switches: main.ts with the framework on a chip in memory, pins pressed by the test.

import { describe, expect, test } from "bun:test";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";

const TOKENS = (driver: string) => `driver ${driver}\npoll 10\ndebounce 30\nlongpress 1000\n`;
const DEBOUNCE_MS = 60;
const program = profileProgram("switch");

/** Direct4's inputs are active low. */
const MANUALS = [26, 34, 33, 35];
const OUTPUTS = [17, 16, 32, 12];

function made(driver = "Direct4", nvs: Record<string, string> = {}): ProfileDevice {
  return new ProfileDevice(program, TOKENS(driver), (device) => {
    if (driver !== "hoffer6") for (const pin of [26, 34, 33, 35, 36, 39, 27, 0]) device.board.drive(pin, 1);
    for (const [key, value] of Object.entries(nvs)) device.chip.nvs.set(`switch/${key}`, value);
  });
}
const started = (driver?: string, nvs?: Record<string, string>) => {
  const device = made(driver, nvs).start();
  device.run(60_000);
  for (const topic of ["0", "1", "2", "3"]) device.take(`${topic}/State`);
  return device;
};
const press = (device: ProfileDevice, manual: number, ms = 200) => {
  device.board.drive(MANUALS[manual] as number, 0);
  device.run(ms);
  device.board.drive(MANUALS[manual] as number, 1);
  device.run(200);
};
const levels = (device: ProfileDevice) => OUTPUTS.map((pin) => device.board.outputs.get(pin));

describe("without a program", () => {
  test("a press toggles the output of the same number and tells it at once", () => {
    const device = started();
    press(device, 1);
    expect(levels(device)).toEqual([0, 1, 0, 0]);
    expect(device.take("1/State")).toEqual(["1"]);
    expect(device.take("Manual1/Event")).toEqual(["P"]);
    press(device, 1);
    expect(levels(device)).toEqual([0, 0, 0, 0]);
    expect(device.take("1/State")).toEqual(["0"]);
  });

  test("a longer press goes to the first phase and is told as L", () => {
    const device = started();
    press(device, 0, 1500);
    expect(device.take("Manual0/Event")).toEqual(["P", "L"]);
    expect(levels(device)).toEqual([0, 0, 0, 0]);
  });

  test("bouncing shorter than the debounce time is nothing", () => {
    const device = started();
    for (let count = 0; count < 20; count++) {
      device.board.drive(26, count % 2);
      device.run(20);
    }
    device.board.drive(26, 1);
    device.run(DEBOUNCE_MS);
    expect(device.take("Manual0/Event")).toEqual([]);
    expect(levels(device)).toEqual([0, 0, 0, 0]);
  });

  test("a press held at the start is no press", () => {
    const device = made();
    device.board.drive(26, 0);
    device.start();
    expect(device.take("Manual0/Event")).toEqual([]);
    expect(levels(device)).toEqual([0, 0, 0, 0]);
  });
});

describe("commands", () => {
  for (const [payload, level] of [
    ["on", 1],
    ["1", 1],
    ["up", 1],
    ["off", 0],
    ["0", 0],
    ["down", 0],
  ] as const) {
    test(`${payload} switches to ${level}`, () => {
      const device = started("Direct4", { "2": String(1 - level) });
      device.command("2/State", payload);
      expect(device.board.outputs.get(32)).toBe(level);
      expect(device.take("2/State")).toEqual([String(level)]);
    });
  }

  test("anything else is ignored", () => {
    const device = started();
    device.command("0/State", "ON").command("0/State", "").command("4/State", "on");
    expect(levels(device)).toEqual([0, 0, 0, 0]);
  });

  test("states are looked at every minute and forced every 10", () => {
    const device = started();
    device.run(30 * 60_000);
    expect(device.take("0/State").length).toBe(3);
  });
});

describe("programs", () => {
  test("a good one is told, kept and in force", () => {
    const device = started();
    device.command("Program", "0:P:-0,-1/+0/+1");
    expect(device.take("ProgramCompilation")).toEqual(["Success"]);
    expect(device.take("Program").at(-1)).toBe("0:P:-0,-1/+0/+1");
    press(device, 0);
    expect(levels(device)).toEqual([1, 0, 0, 0]);
    press(device, 0);
    expect(levels(device)).toEqual([1, 1, 0, 0]);
    expect(device.chip.nvs.get("switch/program")).toBe("0:P:-0,-1/+0/+1");
  });

  test("a bad one says why and leaves the old one in force", () => {
    const device = started("Direct4", { program: "0:P:-3/+3" });
    device.take("ProgramCompilation");
    device.command("Program", "0:Q:+1");
    expect(device.take("ProgramCompilation")).toEqual(["Program kind unexp: Q"]);
    press(device, 0);
    expect(levels(device)).toEqual([0, 0, 0, 1]);
    expect(device.chip.nvs.get("switch/program")).toBe("0:P:-3/+3");
  });

  test("an empty one is nil", () => {
    const device = started();
    device.take("ProgramCompilation");
    device.command("Program", "");
    expect(device.take("ProgramCompilation")).toEqual(["Program is nil"]);
  });

  test("a toggle switch goes on with either edge", () => {
    const device = started("Direct4", { program: "0:T:-0/+0" });
    device.board.drive(26, 0);
    device.run(DEBOUNCE_MS);
    expect(levels(device)[0]).toBe(1);
    device.board.drive(26, 1);
    device.run(DEBOUNCE_MS);
    expect(levels(device)[0]).toBe(0);
    expect(device.take("Manual0/Event")).toEqual(["T+", "T-"]);
  });

  test("a follower takes the switch's position, also at boot", () => {
    const device = made("Direct4", { program: "0:R:-0/+0;1:R:-1/+1", "1": "1" });
    device.board.drive(26, 0);
    device.start();
    expect(levels(device)).toEqual([1, 0, 0, 0]);
    device.board.drive(26, 1);
    device.run(DEBOUNCE_MS);
    expect(levels(device)[0]).toBe(0);
    device.board.drive(26, 0);
    device.run(DEBOUNCE_MS);
    expect(device.take("Manual0/Event")).toEqual(["R-", "R+"]);
  });

  test("presses of manuals without a rule do nothing", () => {
    const device = started("Direct4", { program: "0:P:-0/+0" });
    press(device, 1);
    expect(device.take("Manual1/Event")).toEqual([]);
    expect(levels(device)).toEqual([0, 0, 0, 0]);
  });
});

describe("restarts", () => {
  test("outputs come back before the random delay is over", () => {
    const device = made("Direct4", { "0": "1", "2": "1" });
    device.start(1);
    expect(levels(device)).toEqual([1, 0, 1, 0]);
  });

  test("what is switched is kept over a power cut", async () => {
    const device = started();
    press(device, 2);
    device.command("3/State", "on");
    await device.chip.powerCut();
    device.start(1);
    expect(levels(device)).toEqual([0, 0, 1, 1]);
  });
});

describe("boards", () => {
  for (const [driver, manual, pressed, output] of [
    ["Direct4", 26, 0, 17],
    ["dtwonder2", 39, 0, 2],
    ["dtwonder4", 33, 0, 32],
    ["hoffer6", 27, 1, 4],
    ["minir4", 0, 0, 26],
  ] as const) {
    test(`${driver}: pin ${manual} switches pin ${output}`, () => {
      const device = started(driver);
      device.board.drive(manual, pressed);
      device.run(DEBOUNCE_MS);
      expect(device.board.outputs.get(output)).toBe(1);
    });
  }

  for (const [driver, pin] of [
    ["Direct4", 2],
    ["hoffer6", 2],
    ["minir4", 19],
  ] as const) {
    test(`${driver} blinks pin ${pin}`, () => {
      const device = started(driver);
      device.pins.length = 0;
      device.run(4000);
      expect(device.pins.filter((each) => each.startsWith(`${pin}=`)).length).toBe(4);
    });
  }

  test("an unknown board is a fault of the configuration", () => {
    const device = made("Direct5").start(1000);
    expect(device.chip.nvs.get("hearth/reboot")).toContain("driver is none of the boards");
  });

  test("dtwonder8 enables its outputs only after a transaction carried the restored states", () => {
    const order: string[] = [];
    const device = new ProfileDevice(program, TOKENS("dtwonder8"), ({ board, chip }) => {
      chip.nvs.set("switch/0", "1");
      chip.nvs.set("switch/7", "1");
      board.attachShift(15, {
        exchange: (bits, value) => {
          order.push(`${bits}:${value}`);
          return 0xff;
        },
      });
      board.observe((event) => {
        if (event.kind === "pin" && event.pin === 32) order.push(`enable=${event.level}`);
      });
    });
    device.start(1);
    expect(order).toEqual(["8:129", "enable=0"]);
  });

  test("dtwonder8's inputs are active low, bit 0 first", () => {
    let inputs = 0xff;
    let outputs = 0;
    const device = new ProfileDevice(program, TOKENS("dtwonder8"), ({ board }) => {
      board.attachShift(15, {
        exchange: (_, value) => {
          outputs = value;
          return inputs;
        },
      });
    });
    device.start();
    inputs = 0xff & ~4;
    device.run(DEBOUNCE_MS);
    expect(outputs).toBe(4);
  });
});

describe("at rest", () => {
  const looked = (tokens: string) => {
    let looks = 0;
    const device = new ProfileDevice(program, tokens, ({ board, chip }) => {
      for (const pin of MANUALS) board.drive(pin, 1);
      board.attachShift(15, {
        exchange: () => {
          looks++;
          return 0xff;
        },
      });
      chip.options.onBoot = (native) => {
        const { pinRead } = native;
        native.pinRead = (pin) => {
          looks++;
          return pinRead(pin);
        };
      };
    });
    device.start();
    looks = 0;
    return { device, looks: () => looks };
  };

  test("inputs on pins are not read again before one of them changes", () => {
    const { device, looks } = looked(TOKENS("Direct4"));
    device.run(3_600_000);
    expect(looks()).toBe(0);
    press(device, 3);
    expect(device.take("Manual3/Event")).toEqual(["P"]);
    expect(looks()).toBeGreaterThan(0);
  });

  test("dtwonder8's shift register, which cannot tell, is read at each poll", () => {
    const { device, looks } = looked(TOKENS("dtwonder8"));
    device.run(10_000);
    expect(Math.abs(looks() - 1000)).toBeLessThanOrEqual(1);
  });

  test("inputs are sampled at the moments of the poll, as if it had never stopped", () => {
    const { device } = looked("driver Direct4\npoll 1000\ndebounce 0\nlongpress 5000\n");
    const switchedAt = (afterMs: number, heldMs: number) => {
      device.run(afterMs);
      device.board.drive(26, 0);
      device.run(heldMs);
      device.board.drive(26, 1);
      device.run(3000);
      return device.takeTimed("0/State").map((each) => each.atMs);
    };
    const [first] = switchedAt(10_137, 1000) as [number];
    expect(switchedAt(0, 1000).map((atMs) => (atMs - first) % 1000)).toEqual([0]);
    expect(switchedAt(7411, 1000).map((atMs) => (atMs - first) % 1000)).toEqual([0]);
    // A pulse that begins after a poll and is over before the next one is not seen.
    const sincePollMs = (device.nowMs - first) % 1000;
    expect(switchedAt(1000 - sincePollMs + 100, 800)).toEqual([]);
  });

  test("an input that never comes to rest does not flood the queue of events", () => {
    const { device } = looked(TOKENS("Direct4"));
    for (let edge = 0; edge < 2000; edge++) {
      device.board.drive(26, edge & 1);
      device.run(0.3);
    }
    expect(device.chip.boot.dropped).toBe(0);
    expect(device.take("Manual0/Event").length).toBeLessThan(20);
    press(device, 1);
    expect(device.take("Manual1/Event")).toEqual(["P"]);
  });
});
