import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const child = fileURLToPath(new URL("children/ends-the-process.ts", import.meta.url));

test.each(["exit", "kill", "abort"])(
  "R4: a job that ends its process (%s) has its started line on stdout",
  async (how) => {
    const args = ["--conditions=waybill-source", "--disable-warning=ExperimentalWarning", child, how];
    const running = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    running.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    await once(running, "close");
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string; id?: string });
    expect(lines.map(({ event }) => event)).toEqual(["enqueued", "booted", "started"]);
    expect(lines.at(-1)).toMatchObject({ event: "started", id: "018f0000-0000-7000-8000-000000000001", attempt: 1 });
  },
);
