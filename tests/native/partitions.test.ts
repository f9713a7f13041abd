// The arithmetic of the partition tables, and that they hold what the firmware looks for by name.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";

interface Partition {
  name: string;
  type: string;
  subtype: string;
  offset: number;
  size: number;
}

const SECTOR = 0x1000;
const APP_ALIGNMENT = 0x10000;
/** The table's own sector; partitions begin behind it. */
const TABLE_END = 0x9000;
/** NVS keeps one page free, and needs two to work with. */
const NVS_MIN = 3 * SECTOR;

function readTable(file: string): Partition[] {
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  const rows = lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
  return rows.map((row) => {
    const [name, type, subtype, offset, size] = row.split(",").map((cell) => cell.trim());
    return { name: name ?? "", type: type ?? "", subtype: subtype ?? "", offset: Number(offset), size: Number(size) };
  });
}

function find(table: Partition[], name: string): Partition {
  const found = table.find((partition) => partition.name === name);
  if (found === undefined) throw new Error(`no partition ${name}`);
  return found;
}

describe.each([
  ["partitions.csv", 4 * 1024 * 1024],
  ["partitions_8mb.csv", 8 * 1024 * 1024],
])("%s", (file, flashBytes) => {
  const table = readTable(file);

  test("lies behind the table, in order, without overlap, and fits the flash", () => {
    let end = TABLE_END;
    for (const { name, offset, size } of table) {
      expect(`${name} ${offset >= end}`).toBe(`${name} true`);
      expect(size).toBeGreaterThan(0);
      end = offset + size;
    }
    expect(end).toBeLessThanOrEqual(flashBytes);
  });

  test("is aligned: everything to sectors, what is mapped into memory to 64 KB", () => {
    for (const { name, type, offset, size } of table) {
      const unit = type === "app" || type === "0x40" ? APP_ALIGNMENT : SECTOR;
      expect(`${name} ${offset % unit} ${size % unit}`).toBe(`${name} 0 0`);
    }
  });

  test("has two equal firmware slots and two equal bundle slots", () => {
    expect(find(table, "ota_0")).toMatchObject({ type: "app", subtype: "ota_0", size: find(table, "ota_1").size });
    expect(find(table, "ota_1")).toMatchObject({ type: "app", subtype: "ota_1" });
    expect(find(table, "app_1").size).toBe(find(table, "app_0").size);
  });

  test("holds what the boot loader and ESP-IDF look for by type", () => {
    expect(find(table, "otadata")).toMatchObject({ type: "data", subtype: "ota", size: 2 * SECTOR });
    expect(find(table, "phy_init")).toMatchObject({ type: "data", subtype: "phy" });
    expect(find(table, "coredump")).toMatchObject({ type: "data", subtype: "coredump" });
    const nvs = find(table, "nvs");
    expect(nvs).toMatchObject({ type: "data", subtype: "nvs" });
    expect(nvs.size).toBeGreaterThanOrEqual(NVS_MIN);
  });

  test("holds what the firmware's port looks for by name and type", () => {
    const flash = readFileSync(join(ROOT, "native/esp32/port_flash.c"), "utf8");
    const files = readFileSync(join(ROOT, "native/esp32/port_file.c"), "utf8");
    const type = /TYPE_HEARTH = (0x[0-9a-f]+)/.exec(flash)?.[1];
    const labels = [...flash.matchAll(/\] = "(\w+)"/g)].map((match) => match[1]);
    expect(labels).toEqual(["app_0", "app_1"]);
    for (const label of labels) expect(find(table, label ?? "").type).toBe(type ?? "none");
    const label = /#define LABEL "(\w+)"/.exec(files)?.[1];
    expect(find(table, label ?? "none").type).toBe("data");
  });
});

test("a virtual device's bundle slots are as large as those of a 4 MB chip", () => {
  const host = readFileSync(join(ROOT, "native/host/port_flash.c"), "utf8");
  const kilobytes = /APP_SIZE = (\d+) \* 1024/.exec(host)?.[1];
  expect(Number(kilobytes) * 1024).toBe(find(readTable("partitions.csv"), "app_0").size);
});

test("each sdkconfig names a table of its flash size", () => {
  for (const [config, table, size] of [
    ["sdkconfig.defaults", "partitions.csv", "4MB"],
    ["sdkconfig.8mb", "partitions_8mb.csv", "8MB"],
  ] as const) {
    const text = readFileSync(join(ROOT, config), "utf8");
    expect(text).toContain(`CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="${table}"`);
    expect(text).toContain(`CONFIG_ESPTOOLPY_FLASHSIZE_${size}=y`);
  }
});
