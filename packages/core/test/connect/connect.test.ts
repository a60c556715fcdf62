import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { connect, defineJob, type LogLine } from "../../src/index.ts";
import { connected, eventOf } from "../helpers/connected.ts";

const refusals: [string, RegExp][] = [
  ["mysql://db/app", /no backend answers for "mysql:\/\/db\/app".*sqlite/],
  ["waybill", /a URL starts with one of/],
  ["", /is the environment variable set\?.*sqlite/],
  ["constructor:x", /no backend answers/],
  ["ftp://user:secret@host/x", /ftp:\/\/\*\*\*@host/],
];
for (const [url, message] of refusals) {
  test(`connect("${url}") names the schemes there are, and no secret`, async () => {
    const refused = connect(url);
    await expect(refused).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.not.toThrow(/secret/);
  });
}

test("a URL whose package is not installed says what to install", async () => {
  // Core alone, where none of its neighbours can be found.
  const elsewhere = await mkdtemp(join(tmpdir(), "waybill-"));
  try {
    await cp(fileURLToPath(new URL("../../src", import.meta.url)), join(elsewhere, "core"), { recursive: true });
    const message = "({ code, message }) => console.log(code, message)";
    const program = `import { connect } from "./core/index.ts"; await connect(process.argv[2]).catch(${message});`;
    await writeFile(join(elsewhere, "main.mts"), program);
    const run = async (url: string): Promise<string> =>
      (await promisify(execFile)(process.execPath, ["main.mts", url], { cwd: elsewhere })).stdout.trimEnd();
    expect(await run("sqs://eu-west-1/")).toBe(
      'CONFIG_INVALID a "sqs:" URL needs the package @waybill/sqs, which is not installed; run: npm install @waybill/sqs',
    );
    // The backend is there, and its client library is not.
    const backend = join(elsewhere, "node_modules/@waybill/postgres");
    await mkdir(backend, { recursive: true });
    await writeFile(join(backend, "package.json"), '{ "type": "module", "exports": "./index.js" }');
    await writeFile(join(backend, "index.js"), 'import "pg";');
    expect(await run("postgres://db/shop")).toBe(
      "CONFIG_INVALID @waybill/postgres needs the package pg, which is not installed; run: npm install pg",
    );
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

test("one type defined twice is refused at connect", async () => {
  const job = defineJob({ type: "twice" });
  await expect(connect("memory:", { jobs: [job, defineJob({ type: "twice" })] })).rejects.toThrow(
    /"twice" is defined twice/,
  );
});

const badJobs: [string, object, RegExp][] = [
  ["a hyphen in its type", { type: "mail-send" }, /dots and underscores|joined by dots/],
  ["an upper-case type", { type: "Mail" }, /lower-case/],
  ["no type", {}, /job type/],
  ["a type of 129 letters", { type: "x".repeat(129) }, /job type/],
  ["a queue with a space", { type: "mail", queue: "a b" }, /queue of "mail"/],
  ["a version 0", { type: "mail", version: 0 }, /whole number from 1/],
  ["no attempts", { type: "mail", retry: { maxAttempts: 0 } }, /1 to 100/],
  ["a factor under 1", { type: "mail", retry: { factor: 0.5 } }, /at least 1/],
  ["a first wait of nothing", { type: "mail", retry: { initial: 0 } }, /more than 0/],
  ["a wait of 367 days", { type: "mail", retry: { max: "367d" } }, /at most "366d"/],
  ["a timeout of 8 days", { type: "mail", timeout: "8d" }, /at most "7d"/],
  ["a timeout in words", { type: "mail", timeout: "soon" }, /"30s"/],
];
for (const [what, options, message] of badJobs) {
  test(`a job with ${what} is refused where it is defined`, () => {
    expect(() => defineJob(options as never)).toThrow(message);
  });
}

test("R52: the boot line says role, environment, where the backend is and which queues", async () => {
  const lines: LogLine[] = [];
  const jobs = await connected("memory:", { log: (line) => void lines.push(line), role: "mailer" });
  const mail = defineJob({ type: "mail", queue: "mailers", handler() {} });
  await jobs.worker({ jobs: [mail], concurrency: 3 }).start();
  expect(lines[0]).toMatchObject({
    event: "booted",
    role: "mailer",
    env: process.env["NODE_ENV"] ?? "development",
    backend: "memory:",
    queues: ["mailers"],
    concurrency: 3,
  });
});

test("R4: from the log lines alone, a script rebuilds the timeline of 20 jobs over 2 workers with no gap", async () => {
  const text: string[] = [];
  const jobs = await connected("memory:", { log: (line) => void text.push(JSON.stringify(line)) });
  const flaky = defineJob({
    type: "flaky",
    retry: { initial: 1, jitter: false },
    handler(payload, job) {
      if ((payload as { n: number }).n % 3 === 0 && job.attempt === 1) throw new Error("first time unlucky");
    },
  });
  const workers = [1, 2].map(() => jobs.worker({ jobs: [flaky], concurrency: 2 }));
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  let completed = 0;
  const all = eventOf(jobs, "settled", ({ outcome }) => outcome === "completed" && ++completed === 20);
  for (let n = 0; n < 20; n++) await jobs.enqueue(flaky, { n }, { meta: { traceparent } });
  for (const worker of workers) await worker.start();
  await all;

  const timelines = new Map<string, LogLine[]>();
  for (const line of text.map((json) => JSON.parse(json) as LogLine)) {
    const id = line["id"];
    if (typeof id === "string") timelines.set(id, [...(timelines.get(id) ?? []), line]);
  }
  expect(timelines.size).toBe(20);
  const seenWorkers = new Set<unknown>();
  for (const lines of timelines.values()) {
    const steps = lines.map(({ event, outcome, attempt }) => [event, outcome, attempt].filter(Boolean).join(" "));
    expect([
      ["enqueued", "started 1", "settled completed 1"],
      ["enqueued", "started 1", "settled retry 1", "started 2", "settled completed 2"],
    ]).toContainEqual(steps);
    for (const line of lines) expect(line).toMatchObject({ type: "flaky", queue: "default", host: expect.any(String) });
    const started = lines.filter(({ event }) => event === "started");
    for (const line of started) {
      expect(line).toMatchObject({ traceparent });
      seenWorkers.add(line["worker"]);
    }
  }
  expect([...seenWorkers].every((worker) => workers.some(({ id }) => id === worker))).toBe(true);
});

test("a listener that throws is reported and disturbs neither the job nor the next listener", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on("warning", onWarning);
  const jobs = await connected();
  jobs.events.on("settled", () => {
    throw new Error("listener trouble");
  });
  jobs.events.on("settled", async () => {
    throw new Error("late trouble");
  });
  const settled = eventOf(jobs, "settled");
  const job = defineJob({ type: "calm", handler() {} });
  await jobs.worker({ jobs: [job] }).start();
  await jobs.enqueue(job, {});
  expect(await settled).toMatchObject({ outcome: "completed" });
  await expect.poll(() => warnings.map(String)).toContainEqual(expect.stringContaining("late trouble"));
  process.off("warning", onWarning);
  expect(warnings.map(String)).toContainEqual(expect.stringContaining("listener trouble"));
  expect(warnings.map(String)).toContainEqual(expect.stringContaining("late trouble"));
});
