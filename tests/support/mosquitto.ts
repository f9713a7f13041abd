// mosquitto for tests: the MQTT broker that nobody here wrote. Tests that need it are left out, aloud, where it is not installed.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BIND_RETRIES = 5;
const SBIN = "/usr/sbin/mosquitto";

let told = false;

/** False when it is not installed; says so once. */
export function hasMosquitto(): boolean {
  const has = Bun.which("mosquitto") !== null || existsSync(SBIN);
  if (!has && !told) console.warn("skipped: tests against mosquitto, which is not installed (package mosquitto)");
  told = true;
  return has;
}

export interface Mosquitto {
  port: number;
  close(): Promise<void>;
}

/** mosquitto does not tell a port that it chose itself: takes a free one, and another when somebody was faster. */
export async function startMosquitto(user?: string, password?: string): Promise<Mosquitto> {
  const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  const passwords = join(folder, "passwords");
  if (user !== undefined && password !== undefined) {
    const made = Bun.spawnSync(["mosquitto_passwd", "-b", "-c", passwords, user, password]);
    if (made.exitCode !== 0) throw new Error(`mosquitto_passwd: ${made.stderr}`);
    // mosquitto gives root's rights away before it reads the file.
    Bun.spawnSync(["chmod", "-R", "a+rX", folder]);
  }
  for (let attempt = 0; attempt < BIND_RETRIES; attempt++) {
    const port = await freePort();
    const access = user === undefined ? "allow_anonymous true" : `allow_anonymous false\npassword_file ${passwords}`;
    writeFileSync(join(folder, "mosquitto.conf"), `listener ${port} 127.0.0.1\n${access}\nlog_dest stderr\n`);
    const command = Bun.which("mosquitto") ?? SBIN;
    const child = Bun.spawn([command, "-c", join(folder, "mosquitto.conf")], { stderr: "pipe", stdout: "ignore" });
    let said = "";
    const text = new TextDecoder();
    for await (const chunk of child.stderr) {
      said += text.decode(chunk);
      if (!/mosquitto version .* running/.test(said)) continue;
      return {
        port,
        close: async () => {
          child.kill();
          await child.exited;
          rmSync(folder, { recursive: true });
        },
      };
    }
    await child.exited;
  }
  throw new Error("mosquitto found no port");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
