import { describe, expect, test } from "vitest";
import { createHandlerRegistry, execute, Forwarded } from "../../src/exports/endpoint.ts";
import { DeadLetter, defineJob, Discard, type ErrorRule, newId, type Outcome, RetryLater } from "../../src/index.ts";
import { memoryBackend } from "../../src/memory/index.ts";
import { executeInline } from "../../src/testing/index.ts";
import { connected, settledCount } from "../helpers/connected.ts";

class PaymentError extends Error {
  override readonly name: string = "PaymentError";
}
class CardDeclined extends PaymentError {
  override readonly name = "CardDeclined";
}
class RateLimited extends Error {}
class Busy extends Error {}
class AlreadySent extends Error {}

const coded = (code: string): Error => Object.assign(new Error("no"), { code });

const rules: readonly ErrorRule[] = [
  { error: AlreadySent, do: "discard" },
  { error: CardDeclined, do: "retry" },
  { error: PaymentError, do: "dead_letter" },
  { error: RateLimited, do: "retry", delay: "1m" },
  { error: Busy, do: "release", delay: "30s" },
  { error: "STRIPE.GONE", do: "discard" },
  { error: "STRIPE.*", do: "dead_letter" },
  { error: "SyntaxError", do: "dead_letter" },
  { error: "JOB_TIMEOUT", do: "dead_letter" },
];

/** How the job ends when its handler throws this. */
function ends(thrown: unknown, { attempt = 1, retry = {} } = {}): Promise<Outcome> {
  const job = defineJob({ type: "t", errors: rules, handler: () => Promise.reject(thrown) });
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "t", args: [{}], retry });
  const counts = { attempt, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
  return execute({ body, ...counts, worker: "test" }, createHandlerRegistry([job]));
}

const dead = (code: string, kept = true): object => ({ kind: "dead", reason: { code }, kept });

describe("the first rule that matches decides", () => {
  test.each<[string, Error, object]>([
    ["an error of a class", new AlreadySent(), dead("DISCARDED", false)],
    ["one of a class derived from it", new PaymentError(), dead("NON_RETRYABLE")],
    ["a derived one that has a rule of its own before", new CardDeclined(), { kind: "retry" }],
    ["one to be retried in so long", new RateLimited(), { kind: "retry", delayMs: 60_000 }],
    ["one to be released", new Busy("later"), { kind: "release", delayMs: 30_000, reason: { code: "Busy" } }],
    ["a code", coded("STRIPE.GONE"), dead("DISCARDED", false)],
    ["a code below a prefix", coded("STRIPE.CARD.LOST"), dead("NON_RETRYABLE")],
    ["a code that only begins alike", coded("STRIPES"), { kind: "retry" }],
    ["a name, where there is no code", new SyntaxError(), dead("NON_RETRYABLE")],
    ["the name of an error that has a code", Object.assign(new SyntaxError(), { code: "E" }), { kind: "retry" }],
    ["the cause of another error", new Error("outer", { cause: new AlreadySent() }), { kind: "retry" }],
  ])("%s", async (_, error, outcome) => {
    expect(await ends(error)).toMatchObject(outcome);
  });
});

test("a rule's delay is the wait to the millisecond, and without one the schedule holds", async () => {
  expect(await ends(new RateLimited(), { attempt: 7 })).toMatchObject({ delayMs: 60_000 });
  const plain = { initial_interval: "PT7S", jitter: false };
  expect(await ends(new CardDeclined(), { retry: plain })).toMatchObject({ delayMs: 7_000 });
});

test("a retry by rule spends an attempt, and the last one ends the job; a release goes on", async () => {
  const last = { attempt: 10 };
  expect(await ends(new RateLimited(), last)).toMatchObject(dead("ATTEMPTS_EXHAUSTED"));
  expect(await ends(new Busy(), last)).toMatchObject({ kind: "release" });
});

test("what the envelope calls non-retryable, and what a handler asks for itself, come before every rule", async () => {
  const retry = { non_retryable_errors: ["STRIPE.GONE"] };
  expect(await ends(coded("STRIPE.GONE"), { retry })).toMatchObject(dead("NON_RETRYABLE"));
  expect(await ends(new AlreadySent(), { retry })).toMatchObject(dead("DISCARDED", false));
  const all: readonly ErrorRule[] = [{ error: Error, do: "dead_letter" }];
  for (const [thrown, outcome] of [
    [new RetryLater(500), { kind: "release", delayMs: 500 }],
    [new DeadLetter("no"), dead("DEAD_LETTERED")],
    [new Discard("no"), dead("DISCARDED", false)],
  ] as const) {
    const job = defineJob({ type: "t", errors: all, handler: () => Promise.reject(thrown) });
    const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
    const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "t", args: [{}] });
    expect(await execute({ body, ...counts, worker: "test" }, createHandlerRegistry([job]))).toMatchObject(outcome);
  }
});

test("a timeout is an error with a code, and may have its rule", async () => {
  const job = defineJob({ type: "t", timeout: "5ms", errors: rules, handler: () => new Promise<void>(() => {}) });
  const counts = { attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null };
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type: "t", args: [{}] });
  const outcome = await execute({ body, ...counts, worker: "test" }, createHandlerRegistry([job]));
  expect(outcome).toMatchObject(dead("NON_RETRYABLE"));
});

test("a discarded job leaves nothing behind, and a dead-lettered one its letter", async () => {
  const jobs = await connected();
  const job = defineJob({
    type: "t",
    errors: rules,
    handler: (which) => Promise.reject(which === "sent" ? new AlreadySent() : new PaymentError()),
  });
  await jobs.worker({ jobs: [job] }).start();
  const both = settledCount(jobs, 2);
  await jobs.enqueueMany([
    { job, payload: "sent" },
    { job, payload: "declined" },
  ]);
  await both;
  expect(await jobs.inspector?.deadLetters()).toMatchObject([{ reason: { code: "NON_RETRYABLE" } }]);
  expect(await jobs.inspector?.counts()).toMatchObject([{ ready: 0, delayed: 0, leased: 0, dead: 1 }]);
});

test.each<[string, unknown, RegExp]>([
  [
    "a function that is no class of errors",
    { error: () => {}, do: "discard" },
    /the error of errors\[0\] of "t" is a function: give a class of errors/,
  ],
  ["an empty name", { error: "", do: "discard" }, /is "": give a class of errors, a code or name/],
  ["nothing", { do: "discard" }, /is undefined: give a class of errors/],
  ["no such verdict", { error: Busy, do: "forget" }, /one of dead_letter, discard, retry, release/],
  ["a discard with a delay", { error: Busy, do: "discard", delay: "1m" }, /nothing follows a discard/],
  ["a release without one", { error: Busy, do: "release" }, /more than 0/],
  ["a delay without a unit", { error: Busy, do: "retry", delay: "10" }, /delay of errors\[0\]/],
])("a rule with %s is refused where the job is defined", (_, rule, message) => {
  expect(() => defineJob({ type: "t", errors: [rule as ErrorRule] })).toThrow(message);
});

test("a second rule for the same error, which could never match, is refused", () => {
  const errors = [
    { error: Busy, do: "discard" },
    { error: Busy, do: "dead_letter" },
  ] as const;
  expect(() => defineJob({ type: "t", errors })).toThrow(/errors\[1\] of "t" is about the same error/);
});

test("a delay that the backend cannot keep is refused at the start, as a retry's is", async () => {
  const jobs = await connected(memoryBackend({ capabilities: { maxRetryDelayMs: 0 } }));
  const retry = { maxAttempts: 1 };
  const job = defineJob({ type: "t", retry, errors: [{ error: Busy, do: "release", delay: "1s" }], handler() {} });
  expect(() => jobs.worker({ jobs: [job] })).toThrow(/"t" waits between attempts, which this backend refuses/);
});

test("a name that stands twice in nonRetryable is sent once, and what is no list of names is refused at once", async () => {
  const bodies: string[] = [];
  const job = defineJob({ type: "t", handler: (_, { delivery }) => void bodies.push(delivery.body) });
  const jobs = await connected();
  const ended = settledCount(jobs, 1);
  await jobs.worker({ jobs: [job] }).start();
  await jobs.enqueue(job, {}, { retry: { nonRetryable: ["A", "B.*", "A"] } });
  await ended;
  expect(JSON.parse(bodies[0] ?? "")).toMatchObject({ retry: { non_retryable_errors: ["A", "B.*"] } });
  for (const nonRetryable of ["STRIPE", [7], [""], ["x".repeat(256)], Array.from({ length: 101 }, () => "A")]) {
    const retry = { nonRetryable: nonRetryable as string[] };
    expect(() => defineJob({ type: "t", retry })).toThrow(/retry\.nonRetryable(\[0\])? of "t"/);
    await expect(jobs.enqueue(job, {}, { retry })).rejects.toThrow(/retry\.nonRetryable(\[0\])? of the call for "t"/);
  }
});

test("a class in nonRetryable ends the job at once, its subclasses too, and another error of that name does not", async () => {
  class Declined extends Error {}
  class Stolen extends Declined {}
  const named = Object.assign(new Error("a lookalike"), { name: "Declined" });
  const endOf = async (thrown: Error): Promise<string> => {
    const job = defineJob({
      type: "t",
      retry: { nonRetryable: [Declined] },
      handler: () => Promise.reject(thrown),
    });
    const outcome = await executeInline(job, null);
    return outcome.kind === "dead" ? outcome.reason.code : outcome.kind;
  };
  expect(await endOf(new Declined("no"))).toBe("NON_RETRYABLE");
  expect(await endOf(new Stolen("no"))).toBe("NON_RETRYABLE");
  expect(await endOf(named)).toBe("retry");
});

test("a call's own nonRetryable takes the place of the definition's classes, and cannot hold one", async () => {
  class Declined extends Error {}
  const ended: string[] = [];
  const job = defineJob({
    type: "t",
    retry: { maxAttempts: 2, nonRetryable: [Declined] },
    handler: () => Promise.reject(new Declined("no")),
  });
  const jobs = await connected();
  jobs.events.on("settled", ({ outcome }) => void ended.push(outcome));
  const settled = settledCount(jobs, 1);
  await jobs.worker({ jobs: [job] }).start();
  await jobs.enqueue(job, {}, { retry: { nonRetryable: ["STRIPE.*"] } });
  await settled;
  expect(ended).toEqual(["retry"]);
  const retry = { nonRetryable: [Declined] as unknown as string[] };
  await expect(jobs.enqueue(job, {}, { retry })).rejects.toThrow(
    /retry\.nonRetryable\[0\] of the call for "t" is a class: name its code or its name, or list the class in defineJob/,
  );
});

test("the delay of every outcome is a whole number of milliseconds, as logged and as stored", async () => {
  const delays: unknown[] = [];
  const outcomes = [
    { kind: "retry", delayMs: 702.09, reason: { code: "X", message: "" }, error: new Error("x") },
    { kind: "release", delayMs: 702.09, reason: { code: "X", message: "" } },
  ] as const;
  const throwing = (thrown: unknown) =>
    defineJob({
      type: "t",
      errors: [{ error: RateLimited, do: "retry", delay: 1234.5 }],
      handler: () => Promise.reject(thrown as Error),
    });
  const all = [new RateLimited("slow"), new RetryLater(702.09), ...outcomes.map((one) => new Forwarded(one))];
  for (const thrown of all) {
    const outcome = await executeInline(throwing(thrown), {});
    delays.push("delayMs" in outcome ? outcome.delayMs : outcome.kind);
  }
  expect(delays).toEqual([1235, 703, 703, 703]);
});
