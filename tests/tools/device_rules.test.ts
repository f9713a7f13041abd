// What is found in a script, and what only looks like it.

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the scripts under test have templates in them
import { expect, test } from "bun:test";
import { findViolations } from "../../tools/lib/device_rules.ts";

test.each([
  "await x",
  "f(async()=>1)",
  "new Date",
  "a=b?Promise:c",
  "return/x/.test(a)",
  "(/[/]/)",
  "`${new Date}`",
  "`a${`b${Date.now()}`}c`",
  "x={a:Date}",
])("%s is found", (script) => expect(findViolations(script).length).toBe(1));

test.each([
  "a.Date",
  "a?.Date",
  "x={Date:1,await:2}",
  "class A{fetch(a){}process=1}",
  "'new Date'",
  '"a\\" new Date"',
  "`new Date ${a} await`",
  "`${{a:{b:1}}} Date`",
  "a/b/c",
  "a[0]/b/c",
  "(a)/b/c",
  "// Date\n/* await */ 1",
  "Dates",
])("%s is let through", (script) => expect(findViolations(script)).toEqual([]));
