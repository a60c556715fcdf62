import { spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { type Look, topText } from "../../src/output/top-text.ts";
import { fixture, freshPlace, linesOf, nodeArguments, start, until, waybill } from "../cli.ts";

const jobs = fixture("metered");

const counts = { ready: 0, delayed: 0, leased: 0, dead: 0, finished: 0, oldestWaitMs: null };
const worker = { host: "h", pid: 1, version: null, startedAt: 0, heartbeatMs: 1, heardMs: 1_500, concurrency: 10 };

test("a screen fits 80 columns, has rates since the last look, and cuts long names in the middle", () => {
  const id = "ip-10-0-12-117.eu-central-1.compute.internal-4711-beef";
  const look = (at: number, ready: number): Look => ({
    at,
    queues: [
      { ...counts, queue: "mail", ready: 3 },
      {
        ...counts,
        queue: "a-queue-with-a-name-of-many-words",
        ready,
        leased: 10,
        dead: 99_999,
        oldestWaitMs: 7_200_000,
      },
    ],
    workers: [{ ...worker, id, queues: ["a-queue-with-a-name-of-many-words", "mail"], running: 10 }],
  });
  const text = topText(look(4_000, 123_456), look(2_000, 123_556), 80);
  const lines = stripVTControlCharacters(text).split("\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(lines[0]).toBe("123459 ready, 10 leased, 1 workers, 10 of 10 slots");
  expect(lines[3]).toMatch(/^a-queue-with…-many-words +123456 +0 +10 +99999 +2 h +-50 +1$/);
  expect(lines[4]).toMatch(/^mail .* 0 +1$/);
  expect(text).toContain("-4711-beef");
  expect(topText(look(0, 1), null, 80)).toMatch(/^mail .* - +1$/m);
});

test("in a pipe it prints one look and ends; --json is one line", async () => {
  const { env } = freshPlace();
  const running = start(["worker", "--jobs", jobs], env);
  await until("the boot line", () => linesOf(running).some(({ event }) => event === "booted"));
  await waybill(["enqueue", "metered.long", "--queue", "elsewhere", "--jobs", jobs], { env });
  const piped = await waybill(["top"], { env });
  expect(piped).toMatchObject({ code: 0, stderr: "" });
  expect(piped.stdout).toMatch(/^1 ready, 0 leased, 1 workers, 0 of 10 slots$/m);
  expect(piped.stdout).toMatch(/^elsewhere +1 +0 +0 +0 +.+ +- +0$/m);
  expect(piped.stdout).not.toContain("\u001b");
  const { stdout } = await waybill(["top", "--json"], { env });
  expect(JSON.parse(stdout)).toMatchObject({ queues: [{ queue: "elsewhere", ready: 1 }], workers: [{ running: 0 }] });
  expect(await waybill(["top", "--interval", "10ms"], { env })).toMatchObject({ code: 2 });
});

test("on a terminal it draws over the last look and leaves the screen as it was", async () => {
  const { env } = freshPlace();
  const command = ["exec", process.execPath, ...nodeArguments, "top", "--interval", "500ms"].join(" ");
  const child = spawn("script", ["-qefc", command, "/dev/null"], {
    env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", NO_COLOR: "1", ...env },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await until("three looks", () => text.split("\u001b[H").length > 3);
  child.stdin.write("\u0003");
  expect(await ended).toBe(0);
  expect(text.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
  expect(text.trimEnd().endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  // Never the whole screen at once, and no colour.
  expect(text).not.toContain("\u001b[2J");
  expect(text).not.toContain("\u001b[1m");
});
