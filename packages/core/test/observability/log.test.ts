import { WriteStream } from "node:tty";
import { afterEach, expect, test, vi } from "vitest";
import { levelOf, logText } from "../../src/observability/log-text.ts";
import { connect, defineJob, type LogLine, type LogOption } from "../../src/index.ts";
import { EventBus } from "../../src/observability/events.ts";
import { logEvents } from "../../src/observability/log.ts";

const { isTTY: wasTTY, getColorDepth } = process.stdout;

afterEach(() => {
  Object.assign(process.stdout, { isTTY: wasTTY, getColorDepth });
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

class CardDeclined extends Error {
  readonly code = "card_declined";
}

const fine = defineJob({ type: "mail.send", handler() {} });
const fails = defineJob({
  type: "card.charge",
  retry: { maxAttempts: 1 },
  handler: () => {
    throw new CardDeclined("no\nmoney", { cause: new RangeError("limit of 7") });
  },
});

/** What stdout gets while one job completes and one dies. */
async function written(log: LogOption | undefined, isTTY: boolean): Promise<string> {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation(((chunk: string, done?: () => void) => {
    text += chunk;
    done?.();
    return true;
  }) as never);
  Object.assign(process.stdout, { isTTY, getColorDepth: WriteStream.prototype.getColorDepth });
  const jobs = await connect("memory:", log === undefined ? {} : { log });
  let settled = 0;
  jobs.events.on("settled", () => (settled += 1));
  await jobs.worker({ jobs: [fine, fails] }).start();
  await jobs.enqueue(fine, null);
  await jobs.enqueue(fails, null);
  await expect.poll(() => settled).toBe(2);
  await jobs.close();
  return text;
}

const isJson = (text: string): boolean => {
  const lines = text.trimEnd().split("\n");
  return lines.every((line) => line.startsWith('{"at":"') && typeof JSON.parse(line) === "object");
};

test.each<[LogOption | undefined, boolean, "json" | "pretty"]>([
  [undefined, false, "json"],
  [undefined, true, "pretty"],
  ["stdout", false, "json"],
  ["stdout", true, "pretty"],
  ["json", true, "json"],
  ["pretty", false, "pretty"],
])("log %s on a stdout that is a terminal (%s) is %s", async (log, isTTY, form) => {
  expect(isJson(await written(log, isTTY))).toBe(form === "json");
});

test("pretty lines show the job, what became of it and why, and below it where it failed", async () => {
  vi.stubEnv("NO_COLOR", "1");
  const text = await written("pretty", true);
  expect(text).not.toContain("\u001b");
  expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} settled {2}mail\.send \S+ completed .*attempt=1/m);
  expect(text).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} settled {2}card\.charge \S+ dead .*: ATTEMPTS_EXHAUSTED: attempt 1 of 1 failed/m,
  );
  expect(text).toMatch(/^ {4}CardDeclined \[card_declined\]: no\n {4}money\n {8}at .*log\.test\.ts/m);
  expect(text).toMatch(/^ {4}caused by RangeError: limit of 7\n {8}at .*log\.test\.ts/m);
});

test("pretty lines have colours where those are wanted", async () => {
  vi.stubEnv("FORCE_COLOR", "1");
  const text = await written("pretty", false);
  expect(text).toContain("\u001b[32msettled");
  expect(text).toContain("\u001b[31msettled");
});

test("each line has the level of what it tells", async () => {
  const lines: LogLine[] = [];
  await written((line) => void lines.push(line), false);
  const levels = lines.map(({ event, level, ...rest }) => [event, rest["outcome"], level].filter(Boolean).join(" "));
  expect(new Set(levels)).toEqual(
    new Set([
      "booted info",
      "enqueued info",
      "started info",
      "settled completed info",
      "settled dead error",
      "stopped info",
    ]),
  );
});

test.each([false, true, "verbose", null, {}, 7])("log %j is refused with what to write", async (log) => {
  const opened = connect("memory:", { log: log as never });
  await expect(opened).rejects.toThrow(
    /^log of the connection is .*: give "stdout", "json", "pretty", "off" or a function of \(line\)$/,
  );
});

test("an error without a code is named once, and a job that no worker knows is a warning", () => {
  const reason = { code: "Error", message: "Error: smtp is away" };
  const line = { at: "", level: "warn", event: "settled", host: "h", reason } as const;
  expect(logText(line)).toBe("settled: Error: smtp is away");
  expect(logText({ ...line, reason: { ...reason, code: "SMTP" } })).toBe("settled: SMTP: Error: smtp is away");
  const released = { outcome: "release", reason: { code: "JOB_UNKNOWN", message: "no handler" } } as never;
  expect(levelOf("settled", released)).toBe("warn");
  expect(levelOf("control_unread", { worker: "w", message: "away" })).toBe("warn");
  expect(levelOf("settled", { outcome: "release", reason: { code: "SHUTDOWN", message: "" } } as never)).toBe("info");
});

test.each([
  ["http://169.254.170.2/v4/cd189a933e5849daa93386466019ab50-2495160603", "cd189a933e5849daa93386466019ab50"],
  ["http://169.254.170.2/v4/b6a3c3bd-2f1e-4a4d-9c6c-3f0f3b9b1d5e", "b6a3c3bd-2f1e-4a4d-9c6c-3f0f3b9b1d5e"],
  ["nonsense", undefined],
  ["", undefined],
])("R4: in Amazon ECS with %j each line names the task %j", async (uri, task) => {
  vi.stubEnv("ECS_CONTAINER_METADATA_URI_V4", uri);
  const lines: LogLine[] = [];
  const events = new EventBus();
  logEvents(events, { write: (line) => lines.push(line), flush: async () => {} });
  events.emit("enqueued", { id: "1", type: "a.b", queue: "default", stored: true });
  events.emit("cancelled", { id: "1", type: "a.b", queue: "default" });
  expect(lines.map((line) => [line.event, line.task])).toEqual([
    ["enqueued", task],
    ["cancelled", task],
  ]);
  expect(lines[0]?.host).toEqual(expect.stringMatching(/./));
});
