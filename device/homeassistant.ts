// Home Assistant's MQTT discovery: the one retained message in which a device announces itself, and when it goes out. What an appliance
// consists of is its profile's; docs/decisions/0070-home-assistant.md says why it is done so.

import type { Appliance } from "./appliance.ts";

/** Up to so long after a connection or Home Assistant's birth message: all devices of a house hear that one at once. */
export const ANNOUNCE_FUDGE_MS = 10_000;
/** An announcement that the client had no room for is tried again after this, so many times. */
export const RETRY_MS = 1000;
export const TRIES_MAX = 60;
/** Home Assistant makes its entities and subscribes to their topics in this time; what was published before is lost to it. */
export const SETTLE_MS = 5000;

const BIRTH_TOPIC = "homeassistant/status";
/** A profile's topic of malfunctions, 0 when there is none. The code is an attribute of the component. */
export const PROBLEM = `Malfunction binary_sensor "dev_cla":"problem","ent_cat":"diagnostic","val_tpl":"{{'OFF' if value=='0' else 'ON'}}","json_attr_t":"~/Malfunction","json_attr_tpl":"{{ {'code':value}|tojson }}"`;
/** What every appliance has; see `discoveryMessage` for the form. */
const COMMON = `Uptime sensor "dev_cla":"duration","unit_of_meas":"min","ent_cat":"diagnostic"
Refresh button "cmd_t":"$/Refresh","ent_cat":"diagnostic"
Restart button "cmd_t":"$/OTA","pl_prs":"reboot","dev_cla":"restart","ent_cat":"config"`;

/** Announces the device at each connection and at each birth message of Home Assistant, if the configuration asks for it. `components` gives
 * the profile's lines for `discoveryMessage`, each time anew. Returns what announces again, for a profile whose components have changed. */
export function announce(appliance: Appliance, components: () => string): (() => void) | undefined {
  if (appliance.config.get("discovery") !== "homeassistant") return undefined;
  const { loop, mqtt } = appliance;
  let tries = 0;
  let told = false;
  const task = loop.task(
    () => {
      if (!mqtt.connected) return;
      if (told) {
        appliance.publisher.refresh();
        return;
      }
      const id = native.uniqueId();
      const { version } = native.bundleInfo();
      const pieces = discoveryMessage(id, appliance.name, appliance.profile, version, components());
      told = mqtt.publishPieces(`homeassistant/device/${id}/config`, pieces);
      if (told) task.once(SETTLE_MS);
      else if (++tries < TRIES_MAX) task.once(RETRY_MS);
      else appliance.log.line("homeassistant: no room for the announcement");
    },
    false,
    "homeassistant",
  );
  const begin = (birth = "online") => {
    if (birth !== "online") return;
    tries = 0;
    told = false;
    task.once(0, ANNOUNCE_FUDGE_MS);
  };
  mqtt.onConnect(begin);
  mqtt.subscribe(BIRTH_TOPIC, begin);
  return begin;
}

/** The discovery message, in pieces. A line of `components` is `ID PLATFORM OPTIONS`: OPTIONS are members of a JSON object under Home Assistant's names or
 * their abbreviations; `"~/` and `"$/` at the beginning of a topic stand for stat/NAME and cmnd/NAME. A component without `stat_t` and `cmd_t` has
 * the state topic stat/NAME/ID, one without `name` is called ID. IDs stay the same for ever: under them Home Assistant keeps what its
 * user has changed. */
export function discoveryMessage(
  id: string,
  name: string,
  profile: string,
  version: string,
  components: string,
): string[] {
  const quoted = JSON.stringify(name);
  const level = `/${quoted.slice(1, -1)}/`;
  const pieces = [
    `{"dev":{"ids":"${id}","name":${quoted},"mf":"Hearth","mdl":"${profile}","sw":"${version}","sn":"${id}"},"o":{"name":"Hearth","sw":"${version}"},"avty_t":"stat${level}LWT","cmps":{`,
  ];
  const lines = `${components}\n${COMMON}\n`;
  let end = 0;
  for (let start = 0; start < lines.length; start = end + 1) {
    end = lines.indexOf("\n", start);
    const line = lines.slice(start, end);
    const first = line.indexOf(" ");
    if (first < 0) continue;
    const second = line.indexOf(" ", first + 1);
    const component = line.slice(0, first);
    let text = line.slice(second + 1);
    if (text.indexOf('"stat_t"') < 0 && text.indexOf('"cmd_t"') < 0) text = `"stat_t":"~/${component}",${text}`;
    if (text.indexOf('"name"') < 0) text = `"name":"${component}",${text}`;
    // Home Assistant knows a base topic itself, but does not apply it to the components of a device.
    text = text.split('"~/').join(`"stat${level}`).split('"$/').join(`"cmnd${level}`);
    const comma = pieces.length > 1 ? "," : "";
    pieces.push(
      `${comma}"${component}":{"p":"${line.slice(first + 1, second)}","uniq_id":"${id}_${component}",${text}}`,
    );
  }
  pieces.push("}}");
  return pieces;
}
