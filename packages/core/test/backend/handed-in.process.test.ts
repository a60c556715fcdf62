import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("a reader of stdout that goes away, and a log, a listener and a telemetry that throw, end no process", async () => {
  const program = fileURLToPath(new URL("children/gone-reader.ts", import.meta.url));
  const child = fork(program, { execArgv: ["--conditions=waybill-source"], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let warned = "";
  child.stderr?.on("data", (bytes: Buffer) => (warned += bytes.toString()));
  const ended = once(child, "exit");
  await once(child.stdout ?? child, "data");
  child.stdout?.destroy();
  let runs: unknown = null;
  child.on("message", (said) => (runs = said));
  child.send("go");
  const [code] = await ended;
  expect({ code, runs }, warned).toEqual({ code: 0, runs: { stdout: 20, function: 20 } });
  expect(warned).toContain("WaybillWarning");
});
