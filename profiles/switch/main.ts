// The wall switches' wiring: board, topics and commands. What they do is switch.ts.

import { Appliance } from "../../device/appliance.ts";
import { ConfigError } from "../../device/config.ts";
import { announce } from "../../device/homeassistant.ts";
import type { Value } from "../../device/publisher.ts";
import { switchBoard } from "./boards.ts";
import { type SwitchConfig, TOKENS } from "./config.ts";
import { Switch } from "./switch.ts";

const STATE_EVAL_MS = 60_000;
const STATE_FORCE_MS = 600_000;
const LONGEST_MS = 60_000;

const appliance = new Appliance<SwitchConfig>("switch", TOKENS);
const { config, loop, publisher } = appliance;
let lights: Switch;

appliance.run(
  () => {
    const states: Value[] = [];
    for (let output = 0; output < lights.outputs; output++) {
      const read = () => (lights.isSet(output) ? "1" : "0");
      states.push(appliance.value(`${output}/State`, STATE_EVAL_MS, STATE_FORCE_MS, read));
      appliance.command(`${output}/State`, (payload) => lights.command(output, payload));
    }
    lights.onOutput = (output) => publisher.lookNow(states[output] as Value);
    const program = appliance.value("Program", STATE_EVAL_MS, STATE_FORCE_MS, () => lights.program);
    const compilation = appliance.value("ProgramCompilation", STATE_EVAL_MS, STATE_FORCE_MS, () => lights.compilation);
    appliance.command("Program", (payload) => {
      lights.setProgram(payload);
      compilation.last = undefined;
      publisher.lookNow(compilation);
      publisher.lookNow(program);
    });
    lights.begin(loop, {
      pollMs: config.integer("poll", 1, LONGEST_MS),
      debounceMs: config.integer("debounce", 0, LONGEST_MS),
      longPressMs: config.integer("longpress", 1, LONGEST_MS),
    });
    announce(appliance as unknown as Appliance, () => {
      let lines = `Program text "cmd_t":"$/Program","stat_t":"~/Program","ent_cat":"config"
ProgramCompilation sensor "name":"Program compilation","ent_cat":"diagnostic"\n`;
      for (let output = 0; output < lights.outputs; output++) {
        lines += `${output} switch "name":"Output ${output}","stat_t":"~/${output}/State","cmd_t":"$/${output}/State","pl_on":"1","pl_off":"0"\n`;
      }
      for (let manual = 0; manual < lights.manuals; manual++) {
        lines += `Manual${manual} event "name":"Manual ${manual}","stat_t":"~/Manual${manual}/Event","dev_cla":"button","evt_typ":["P","L","T+","T-","R+","R-"],"val_tpl":"{{ {'event_type':value}|tojson }}"\n`;
      }
      return lines;
    });
  },
  () => {
    const board = switchBoard(config.text("driver"));
    if (board === undefined) throw new ConfigError("driver is none of the boards");
    appliance.ledPin = board.ledPin;
    lights = new Switch(board, (topic, payload) => appliance.publish(topic, payload));
  },
);
