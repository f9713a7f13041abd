// Every port has every function of native/port.h. Prints the table.

import { expect, test } from "bun:test";
import { declared, defined, printSeamTable, seamTable } from "../../tools/lib/seam_table.ts";

const table = seamTable();

test("port.h is read whole", () => {
  expect(table.functions.length).toBeGreaterThan(60);
  for (const name of ["port_reset_reason", "port_restart", "port_rtc_memory", "port_i2c_transfer", "port_file_list"])
    expect(table.functions).toContain(name);
  expect(new Set(table.functions).size).toBe(table.functions.length);
});

test("declarations are found over lines, comments and calls are not", () => {
  const header =
    "int port_a(int x); // port_b(1);\n/* int port_c(void); */\nvoid *port_d(void (*each)(int),\n  int y);\n";
  expect(declared(header)).toEqual(["port_a", "port_d"]);
});

test("definitions are found, declarations, calls and static functions are not", () => {
  const source =
    "int port_a(int x);\nint IRAM_ATTR port_b(int x,\n    int y)\n{\n    port_c();\n    if (port_d(1)) {\n    }\n}\n" +
    "static int port_e(void)\n{\n}\nvoid *port_f(void) { return 0; }\n";
  expect(defined(source)).toEqual(["port_b", "port_f"]);
});

test("the host port is there", () => {
  expect(table.ports.map((port) => port.name)).toContain("host");
  console.log(printSeamTable(table));
});

for (const port of table.ports) {
  test(`${port.name}: no function of the seam is missing, and it has no others`, () => {
    expect({ missing: port.missing, unknown: port.unknown }).toEqual({ missing: [], unknown: [] });
  });
}
