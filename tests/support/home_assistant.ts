// Home Assistant's format of a device's discovery message as a schema: what its documentation of the MQTT integration says (www.home-assistant.io,
// integrations mqtt, sensor.mqtt, binary_sensor.mqtt, switch.mqtt, button.mqtt, number.mqtt, text.mqtt, event.mqtt, and sensor for classes and
// units; as of late 2025). Stricter than Home Assistant in one point: it ignores options that it does not know, here they are faults.

import { z } from "zod";

/** Names that have a shorter one; of those in the documentation's tables what these components have. */
const SHORT: Record<string, string> = {
  avty: "availability",
  avty_mode: "availability_mode",
  avty_t: "availability_topic",
  avty_tpl: "availability_template",
  cmd_t: "command_topic",
  cmd_tpl: "command_template",
  cmps: "components",
  dev: "device",
  dev_cla: "device_class",
  def_ent_id: "default_entity_id",
  e: "encoding",
  en: "enabled_by_default",
  ent_cat: "entity_category",
  evt_typ: "event_types",
  exp_aft: "expire_after",
  frc_upd: "force_update",
  ic: "icon",
  json_attr_t: "json_attributes_topic",
  json_attr_tpl: "json_attributes_template",
  o: "origin",
  off_dly: "off_delay",
  ops: "options",
  opt: "optimistic",
  p: "platform",
  pl_avail: "payload_available",
  pl_not_avail: "payload_not_available",
  pl_off: "payload_off",
  pl_on: "payload_on",
  pl_prs: "payload_press",
  ptrn: "pattern",
  ret: "retain",
  stat_cla: "state_class",
  stat_off: "state_off",
  stat_on: "state_on",
  stat_t: "state_topic",
  sug_dsp_prc: "suggested_display_precision",
  t: "topic",
  uniq_id: "unique_id",
  unit_of_meas: "unit_of_measurement",
  val_tpl: "value_template",
};
const SHORT_DEVICE: Record<string, string> = {
  cns: "connections",
  cu: "configuration_url",
  hw: "hw_version",
  ids: "identifiers",
  mdl: "model",
  mdl_id: "model_id",
  mf: "manufacturer",
  sa: "suggested_area",
  sn: "serial_number",
  sw: "sw_version",
};
const SHORT_ORIGIN: Record<string, string> = { sw: "sw_version", url: "support_url" };

/** Units of those classes that are used here or in the documentation's examples. */
const UNITS: Record<string, string[]> = {
  apparent_power: ["VA", "mVA"],
  atmospheric_pressure: ["cbar", "bar", "hPa", "mmHg", "inHg", "kPa", "mbar", "Pa", "psi"],
  current: ["A", "mA"],
  duration: ["d", "h", "min", "s", "ms", "µs"],
  humidity: ["%"],
  power: ["mW", "W", "kW", "MW", "GW", "TW"],
  temperature: ["°C", "°F", "K"],
  voltage: ["V", "mV", "µV", "kV", "MV"],
  volume_flow_rate: ["m³/h", "m³/s", "ft³/min", "L/h", "L/min", "L/s", "gal/min", "mL/s"],
  volume_storage: ["L", "mL", "gal", "fl. oz.", "m³", "ft³", "CCF"],
  water: ["L", "gal", "m³", "ft³", "CCF"],
  weight: ["kg", "g", "mg", "µg", "oz", "lb", "st"],
};
/** Classes that a state class other than `measurement` goes with; the rest of UNITS has no other. */
const STATE_CLASSES: Record<string, string[]> = {
  duration: ["measurement", "total", "total_increasing"],
  water: ["total", "total_increasing"],
  weight: ["measurement", "total", "total_increasing"],
};
const BINARY_CLASSES =
  "battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light lock moisture motion moving occupancy opening plug power presence problem running safety smoke sound tamper update vibration window".split(
    " ",
  );

const text = z.string();
const topic = text.min(1).refine((value) => !/[+#\0]|^~|~$/.test(value), "no topic to publish on");
const template = text.min(1);
const when = z.int().min(0);

const availability = {
  availability: z
    .array(
      z.strictObject({
        topic,
        payload_available: text.optional(),
        payload_not_available: text.optional(),
        value_template: template.optional(),
      }),
    )
    .optional(),
  availability_mode: z.enum(["all", "any", "latest"]).optional(),
  availability_topic: topic.optional(),
  availability_template: template.optional(),
  payload_available: text.optional(),
  payload_not_available: text.optional(),
};
const entity = {
  ...availability,
  unique_id: text.min(1),
  name: text.min(1).nullable().optional(),
  default_entity_id: text.optional(),
  enabled_by_default: z.boolean().optional(),
  encoding: text.optional(),
  icon: text.optional(),
  json_attributes_topic: topic.optional(),
  json_attributes_template: template.optional(),
  qos: z.int().min(0).max(2).optional(),
};
const anyCategory = { entity_category: z.enum(["config", "diagnostic"]).optional() };
const readOnly = { ...entity, entity_category: z.literal("diagnostic").optional(), state_topic: topic };
const commanded = { ...entity, ...anyCategory, command_topic: topic, retain: z.boolean().optional() };

const sensor = z
  .strictObject({
    ...readOnly,
    platform: z.literal("sensor"),
    device_class: z.enum(Object.keys(UNITS)).optional(),
    expire_after: when.optional(),
    force_update: z.boolean().optional(),
    options: z.array(text).optional(),
    state_class: z.enum(["measurement", "total", "total_increasing"]).optional(),
    suggested_display_precision: z.int().optional(),
    unit_of_measurement: text.optional(),
    value_template: template.optional(),
  })
  .refine(
    ({ device_class, unit_of_measurement }) =>
      device_class === undefined || UNITS[device_class]?.includes(unit_of_measurement ?? ""),
    "a unit that the device class does not have",
  )
  .refine(
    ({ device_class, state_class }) =>
      device_class === undefined ||
      state_class === undefined ||
      (STATE_CLASSES[device_class] ?? ["measurement"]).includes(state_class),
    "a state class that the device class does not have",
  );

const COMPONENTS = [
  sensor,
  z.strictObject({
    ...readOnly,
    platform: z.literal("binary_sensor"),
    device_class: z.enum(BINARY_CLASSES).optional(),
    expire_after: when.optional(),
    force_update: z.boolean().optional(),
    off_delay: when.optional(),
    payload_off: text.optional(),
    payload_on: text.optional(),
    value_template: template.optional(),
  }),
  z.strictObject({
    ...commanded,
    platform: z.literal("switch"),
    device_class: z.enum(["outlet", "switch"]).optional(),
    optimistic: z.boolean().optional(),
    payload_off: text.optional(),
    payload_on: text.optional(),
    state_off: text.optional(),
    state_on: text.optional(),
    state_topic: topic.optional(),
    value_template: template.optional(),
  }),
  z.strictObject({
    ...commanded,
    platform: z.literal("button"),
    command_template: template.optional(),
    device_class: z.enum(["identify", "restart", "update"]).optional(),
    payload_press: text.optional(),
  }),
  z
    .strictObject({
      ...commanded,
      platform: z.literal("number"),
      command_template: template.optional(),
      device_class: z.enum(Object.keys(UNITS)).optional(),
      max: z.number().optional(),
      min: z.number().optional(),
      mode: z.enum(["auto", "box", "slider"]).optional(),
      optimistic: z.boolean().optional(),
      state_topic: topic.optional(),
      step: z.number().min(0.001).optional(),
      unit_of_measurement: text.optional(),
      value_template: template.optional(),
    })
    .refine(({ min = 1, max = 100 }) => min < max, "min is not below max"),
  z.strictObject({
    ...commanded,
    platform: z.literal("text"),
    command_template: template.optional(),
    max: z.int().max(255).optional(),
    min: z.int().min(0).optional(),
    mode: z.enum(["text", "password"]).optional(),
    pattern: text.optional(),
    state_topic: topic.optional(),
    value_template: template.optional(),
  }),
  z.strictObject({
    ...readOnly,
    platform: z.literal("event"),
    device_class: z.enum(["button", "doorbell", "motion"]).optional(),
    event_types: z.array(text).min(1),
    value_template: template.optional(),
  }),
  z.strictObject({
    platform: z.literal("device_automation"),
    automation_type: z.literal("trigger"),
    payload: text.optional(),
    qos: z.int().min(0).max(2).optional(),
    topic,
    type: text,
    subtype: text,
    value_template: template.optional(),
  }),
] as const;
const component = z.discriminatedUnion("platform", [...COMPONENTS]);
export type Component = z.infer<typeof component>;

/** Options of the message that a component has unless it says otherwise. */
const SHARED = [...Object.keys(availability), "command_topic", "state_topic"];

const message = z
  .strictObject({
    ...availability,
    device: z
      .strictObject({
        configuration_url: z.url().optional(),
        connections: z.array(z.tuple([text, text])).optional(),
        hw_version: text.optional(),
        identifiers: z.union([text.min(1), z.array(text.min(1)).min(1)]).optional(),
        manufacturer: text.optional(),
        model: text.optional(),
        model_id: text.optional(),
        name: text.optional(),
        serial_number: text.optional(),
        suggested_area: text.optional(),
        sw_version: text.optional(),
        via_device: text.optional(),
      })
      .refine(
        ({ identifiers, connections }) => (identifiers ?? connections) !== undefined,
        "neither identifiers nor connections",
      ),
    origin: z.strictObject({ name: text.min(1), sw_version: text.optional(), support_url: z.url().optional() }),
    components: z.record(text.regex(/^\S+$/), z.record(text, z.unknown())),
    command_topic: topic.optional(),
    encoding: text.optional(),
    qos: z.int().min(0).max(2).optional(),
    state_topic: topic.optional(),
  })
  .refine((given) => given.availability === undefined || given.availability_topic === undefined, "both availabilities");

export interface Discovery {
  device: { name?: string | undefined; identifiers?: string | string[] | undefined; model?: string | undefined };
  /** Under their ids; a component that the message removes is undefined. */
  components: Map<string, Component | undefined>;
}

/** True for a topic on which Home Assistant takes device messages. */
export function isDeviceTopic(given: string): boolean {
  return /^homeassistant\/device\/([a-zA-Z0-9_-]+\/)?[a-zA-Z0-9_-]+\/config$/.test(given);
}

/** What Home Assistant makes of a device's message. Throws what is wrong with it. */
export function readDiscovery(payload: string): Discovery {
  const given = long(JSON.parse(payload), SHORT);
  for (const [key, table] of [
    ["device", SHORT_DEVICE],
    ["origin", SHORT_ORIGIN],
  ] as const)
    if (isObject(given[key])) given[key] = long(given[key], table);
  const { device, components, ...root } = message.parse(given);
  const shared = Object.fromEntries(Object.entries(root).filter(([key]) => SHARED.includes(key)));
  const seen = new Set<string>();
  const read = new Map<string, Component | undefined>();
  for (const [id, options] of Object.entries(components)) {
    const named = long(options, SHORT);
    if (Object.keys(named).length === 1 && typeof named["platform"] === "string") {
      read.set(id, undefined);
      continue;
    }
    const result = component.parse(withShared(named, shared));
    if ("unique_id" in result) {
      if (seen.has(result.unique_id)) throw new Error(`${result.unique_id} is not unique`);
      seen.add(result.unique_id);
    }
    read.set(id, result);
  }
  return { device, components: read };
}

/** Those shared options that the component's platform has. */
function withShared(options: Record<string, unknown>, shared: Record<string, unknown>): Record<string, unknown> {
  const found = COMPONENTS.find((each) => each.shape.platform.value === options["platform"]);
  const has = (key: string) => found !== undefined && Object.hasOwn(found.shape, key);
  return { ...Object.fromEntries(Object.entries(shared).filter(([key]) => has(key))), ...options };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function long(given: unknown, table: Record<string, string>): Record<string, unknown> {
  if (!isObject(given)) throw new Error("not an object");
  const entries = Object.entries(given).map(([key, value]) => [table[key] ?? key, nested(table[key] ?? key, value)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** Names in the list of availabilities may be short too. */
function nested(key: string, value: unknown): unknown {
  if (key !== "availability") return value;
  return (Array.isArray(value) ? value : [value]).map((each) => long(each, SHORT));
}
