import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { superviseChild } from "../src/launch/child.ts";
import { isAlive } from "../src/durable-file.ts";
import { temporaryFolder } from "./demo-process.ts";

test(
  "two calls of stop, as by Ctrl-C pressed twice, both resolve once the process has ended",
  { timeout: 30_000 },
  async () => {
    const { path, remove } = await temporaryFolder();
    const logFolder = join(path, "log");
    await mkdir(logFolder);
    let pid = 0;
    const env = { ...process.env, DEMO_DATA: path, WAYBILL_URL: "", PORT: "0" };
    await new Promise<void>((resolve, reject) => {
      const onStart = (started: number): void => void (pid = started);
      const web = superviseChild({
        name: "web",
        env,
        logFolder,
        onStart,
        onStartFailure: reject,
        onMessage: () => void Promise.all([web.stop(), web.stop()]).then(() => resolve(), reject),
      });
      web.start();
    });
    expect(isAlive(pid)).toBe(false);
    await remove();
  },
);
