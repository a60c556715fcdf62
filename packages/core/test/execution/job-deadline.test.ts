import { afterEach, describe, expect, test } from "vitest";
import { moveClock } from "../../src/time/clock.ts";
import { createHandlerRegistry, type Delivery, execute, RunHandle } from "../../src/exports/endpoint.ts";
import {
  defineJob,
  type Handler,
  type JobOptions,
  newId,
  type Outcome,
  RetryLater,
  WaybillError,
} from "../../src/index.ts";
import { executeInline, testJobs } from "../../src/testing/index.ts";

const restore: (() => void)[] = [];
afterEach(() => restore.splice(0).forEach((back) => back()));

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const MINUTE = 60_000;

interface Given {
  readonly options?: Partial<JobOptions<never>>;
  readonly envelope?: object;
  readonly delivery?: Partial<Delivery>;
}

/** How a job of a deadline of an hour ends. */
function ends(handler: Handler<unknown>, { options = {}, envelope = {}, delivery = {} }: Given = {}): Promise<Outcome> {
  const job = defineJob({ type: "t", deadline: "1h", retry: { jitter: false }, ...options, handler });
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "t", args: [{}], ...envelope });
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
  return execute({ body, ...counts, worker: "test", ...delivery }, createHandlerRegistry([job]));
}

const fails = (): Promise<void> => Promise.reject(new Error("no route to host"));
const hangs = (): Promise<void> => new Promise(() => {});
const dead = { kind: "dead", reason: { code: "DEADLINE" }, kept: true };

describe("the time of all attempts is counted from when the job could first start", () => {
  test.each<[string, object, string]>([
    ["its creation: inside", { created_at: ago(59 * MINUTE) }, "completed"],
    ["its creation: past", { created_at: ago(60 * MINUTE) }, "dead"],
    ["its time, if it has one: inside", { created_at: ago(90 * MINUTE), scheduled_at: ago(30 * MINUTE) }, "completed"],
    ["its time, if it has one: past", { created_at: ago(90 * MINUTE), scheduled_at: ago(61 * MINUTE) }, "dead"],
    ["nothing, where it tells no time", {}, "completed"],
  ])("%s", async (_, envelope, kind) => {
    let ran = false;
    const outcome = await ends(() => void (ran = true), { envelope });
    expect([outcome.kind, ran]).toEqual([kind, kind === "completed"]);
    if (kind === "dead") expect(outcome).toMatchObject(dead);
  });
});

test("an attempt is cut to what is left, its signal says why, and that ends the job", async () => {
  const handle = new RunHandle();
  const envelope = { created_at: ago(60 * MINUTE - 30) };
  const outcome = await ends(hangs, { envelope, delivery: { handle }, options: { timeout: "2s" } });
  expect(outcome).toMatchObject({ ...dead, error: { code: "DEADLINE" } });
  expect(handle.signal.reason).toMatchObject({ code: "DEADLINE" });
});

test("a timeout before it is an attempt that failed, as ever", async () => {
  const outcome = await ends(hangs, { envelope: { created_at: ago(0) }, options: { timeout: "5ms" } });
  expect(outcome).toMatchObject({ kind: "retry", reason: { code: "JOB_TIMEOUT" } });
});

test("a retry that would start past it ends the job at once, its error kept; one before it waits", async () => {
  const tenLeft = { created_at: ago(60 * MINUTE - 10_000) };
  const attempt = (initial: `${number}s`) => ({ envelope: tenLeft, options: { retry: { initial, jitter: false } } });
  expect(await ends(fails, attempt("9s"))).toMatchObject({ kind: "retry", delayMs: 9_000 });
  const outcome = await ends(fails, attempt("10s"));
  expect(outcome).toMatchObject({ ...dead, error: { message: "no route to host" } });
  expect(outcome.kind === "dead" && outcome.reason.message).toMatch(/in 10000 ms.*no route to host/);
});

test("so does a release that the handler, or a rule, asks for", async () => {
  const envelope = { created_at: ago(59 * MINUTE) };
  const later = (ms: number) => () => Promise.reject(new RetryLater(ms));
  expect(await ends(later(50_000), { envelope })).toMatchObject({ kind: "release", delayMs: 50_000 });
  expect(await ends(later(70_000), { envelope })).toMatchObject(dead);
  const errors = [{ error: Error, do: "release", delay: "70s" }] as const;
  expect(await ends(fails, { envelope, options: { errors } })).toMatchObject(dead);
});

test("a shutdown hands the job back all the same: what is left is for another worker", async () => {
  const handle = new RunHandle();
  const running = ends(hangs, { envelope: { created_at: ago(59 * MINUTE) }, delivery: { handle } });
  handle.cancel(new WaybillError("SHUTDOWN", "now"), 0);
  expect(await running).toMatchObject({ kind: "release", reason: { code: "SHUTDOWN" } });
});

test("the last attempt is the last attempt, also beside a deadline", async () => {
  const given = { envelope: { created_at: ago(59 * MINUTE) }, delivery: { attempt: 10 } };
  expect(await ends(fails, given)).toMatchObject({ kind: "dead", reason: { code: "ATTEMPTS_EXHAUSTED" } });
});

test("on a clock that moves, attempts go on until the deadline and not beyond", async () => {
  const job = defineJob({
    type: "t",
    deadline: "10m",
    retry: { initial: "4m", factor: 1, jitter: false },
    handler: fails,
  });
  const jobs = await testJobs({ jobs: [job] });
  try {
    await jobs.enqueue(job, {}, { delay: "1h" });
    const first = await jobs.advance("1h");
    const second = await jobs.advance("4m");
    const third = await jobs.advance("4m");
    const of = (events: typeof first) => events.map(({ outcome, reason }) => [outcome, reason?.code]);
    expect([of(first), of(second), of(third)]).toEqual([
      [["retry", "Error"]],
      [["retry", "Error"]],
      [["dead", "DEADLINE"]],
    ]);
    expect(await jobs.advance("1d")).toEqual([]);
  } finally {
    await jobs.close();
  }
});

test("an outage that outlasts it ends the job before it starts", async () => {
  const job = defineJob({ type: "t", deadline: "10m", handler() {} });
  const jobs = await testJobs({ jobs: [job] });
  await jobs.enqueue(job, {});
  expect(await jobs.advance("10m")).toMatchObject([{ outcome: "dead", reason: { code: "DEADLINE" } }]);
  await jobs.close();
});

test("a job run inline has its whole deadline before it, whatever the clock says", async () => {
  restore.push(moveClock(7 * 86_400_000));
  const job = defineJob({ type: "t", deadline: "20ms", handler: (slow) => (slow === true ? hangs() : undefined) });
  expect((await executeInline(job, false)).kind).toBe("completed");
  expect(await executeInline(job, true)).toMatchObject(dead);
});

test.each(["0s", "367d"] as const)("a deadline of %s is refused where the job is defined", (deadline) => {
  expect(() => defineJob({ type: "t", deadline })).toThrow(/deadline of "t" is \d+ ms: more than 0 and at most "366d"/);
});
