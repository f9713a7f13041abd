// A configuration that waits for the restart into its trial, as a script on the host firmware sees it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { logged } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const SCRIPT = `
const put = (name: string, text: string) => { native.fileWrite(name, 0, native.encodeText(text)); native.fileSync(name); };
const tell = (what: string) => native.log(what + " " + native.configInfo().trial);
put("config.txt", "a 1");
tell("no trial");
put("new", "a 2");
native.configTry("new");
tell("waits");
native.configConfirm();
tell("still waits");
`;

test("it is on trial before its first boot, and who has not run with it cannot make it permanent", async () => {
  expect(await logged(SCRIPT)).toEqual(["no trial false", "waits true", "still waits true", "done"]);
});
