import { expect, test } from "vitest";
import { defineJob, isWaybillError, type Middleware, newId, type RetryOptions, WaybillError } from "../../src/index.ts";
import { createHandlerRegistry, type Delivery, execute, RunHandle } from "../../src/exports/endpoint.ts";
import { z } from "zod";
import { connected } from "../helpers/connected.ts";

const registry = createHandlerRegistry([defineJob({ type: "ok", handler() {} })]);

function delivery(body: string, more: Partial<Delivery> = {}): Delivery {
  return { body, attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test", ...more };
}

function envelope(type: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}], ...more });
}

test("an early job is released for exactly as long as it is early, and a later dueAt wins", async () => {
  const inAMinute = Date.now() + 60_000;
  const outcome = await execute(delivery(envelope("ok"), { dueAt: inAMinute }), registry);
  expect(outcome).toMatchObject({ kind: "release" });
  if (outcome.kind === "release") expect(Math.abs(outcome.delayMs - 60_000)).toBeLessThan(1_000);
});

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString();

test("an unknown type waits 5 s, doubling to an hour", async () => {
  const waits: number[] = [];
  for (const releases of [0, 1, 2, 9, 10, 100]) {
    const outcome = await execute(
      delivery(envelope("nobody.knows", { created_at: daysAgo(1) }), { releases }),
      registry,
    );
    if (outcome.kind === "release") waits.push(outcome.delayMs);
  }
  expect(waits).toEqual([5_000, 10_000, 20_000, 2_560_000, 3_600_000, 3_600_000]);
});

test("the seven days of an unknown type count its own waits: neither a backlog, nor an old scheduled_at, nor releases of a young job end it", async () => {
  const kindOf = async (more: Record<string, unknown>, counts: Partial<Delivery> = {}): Promise<string> =>
    (await execute(delivery(envelope("nobody.knows", more), counts), registry)).kind;
  const kinds = {
    "in a backlog for 30 days": await kindOf({ created_at: daysAgo(30) }),
    "scheduled long before it was created": await kindOf({ created_at: daysAgo(0), scheduled_at: daysAgo(30) }, many),
    "created long before it was due": await kindOf({ created_at: daysAgo(30), scheduled_at: daysAgo(1) }, many),
    "released often, and young": await kindOf({ created_at: daysAgo(1) }, many),
    "known until now, and failed nine times": await kindOf({ created_at: daysAgo(30) }, { attempt: 10 }),
    "8 days of waits": await kindOf({ created_at: daysAgo(8) }, many),
    "8 days of waits, a carrier counting deliveries alone": await kindOf({ created_at: daysAgo(8) }, { attempt: 200 }),
    "8 days of waits, and a clock that was ahead when it was made": await kindOf({ created_at: daysAgo(-9) }, many),
  };
  expect(
    Object.entries(kinds)
      .filter(([, kind]) => kind === "dead")
      .map(([name]) => name.slice(0, 6)),
  ).toEqual(["8 days", "8 days", "8 days"]);
});

const many = { releases: 200 };

test("releases for other reasons neither lengthen the wait of a young unknown job nor end it", async () => {
  const young = await execute(delivery(envelope("nobody.knows"), { releases: 200 }), registry);
  expect(young).toMatchObject({ kind: "release", delayMs: 5_000 });
});

test("a job that tells no time at all counts its 7 days of being unknown by its releases", async () => {
  const timeless = { id: "2c5ea4c0-4067-41c2-8bad-c0a2a29c3b5f" };
  const patient = await execute(delivery(envelope("nobody.knows", timeless), { releases: 150 }), registry);
  const over = await execute(delivery(envelope("nobody.knows", timeless), { releases: 200 }), registry);
  expect([patient.kind, over.kind]).toEqual(["release", "dead"]);
});

test("a payload the handler itself fails to enqueue is its error, not its job's payload", async () => {
  const inner = defineJob({ type: "inner", payload: z.object({ n: z.number() }) });
  const jobs = await connected();
  const outer = defineJob({
    type: "outer",
    handler: async () => void (await jobs.enqueue(inner, { n: "x" } as never)),
  });
  expect(await execute(delivery(envelope("outer")), createHandlerRegistry([outer]))).toMatchObject({
    kind: "retry",
    reason: { code: "PAYLOAD_INVALID" },
  });
});

test("a schema that never answers is ended by the timeout", async () => {
  const never = z.object({}).refine(() => new Promise<boolean>(() => {}));
  const job = defineJob({ type: "stuck", payload: never, timeout: "30ms", handler() {} });
  expect(await execute(delivery(envelope("stuck")), createHandlerRegistry([job]))).toMatchObject({
    kind: "retry",
    reason: { code: "JOB_TIMEOUT" },
  });
});

test("the wait after a failure follows the envelope member by member over the definition", async () => {
  const fails = defineJob({
    type: "fails",
    retry: { initial: "1m", factor: 3, jitter: false },
    handler: () => Promise.reject(new Error("x")),
  });
  const own = createHandlerRegistry([fails]);
  const named = { retry: { initial_interval: "PT2S" } };
  const plain = await execute(delivery(envelope("fails"), { attempt: 2 }), own);
  const mixed = await execute(delivery(envelope("fails", named), { attempt: 2 }), own);
  expect([plain, mixed]).toMatchObject([{ delayMs: 180_000 }, { delayMs: 6_000 }]);
});

test.each<[string, RetryOptions, object]>([
  ["the most a wait may be", { max: "7s", jitter: false }, { kind: "retry", delayMs: 7_000 }],
  ["a name that ends the job", { nonRetryable: ["Error"] }, { kind: "dead", reason: { code: "NON_RETRYABLE" } }],
  [
    "what becomes of it after the last attempt",
    { maxAttempts: 5, onExhaustion: "discard" },
    { kind: "dead", kept: false },
  ],
  ["which is to be kept, unless it says so", { maxAttempts: 5 }, { kind: "dead", kept: true }],
])("a definition's retry says %s", async (_, retry, outcome) => {
  const fails = defineJob({ type: "fails", retry, handler: () => Promise.reject(new Error("x")) });
  expect(await execute(delivery(envelope("fails"), { attempt: 5 }), createHandlerRegistry([fails]))).toMatchObject(
    outcome,
  );
});

test("a job whose deliveries were lost as often as is allowed is kept for a person, and not started once more", async () => {
  let ran = 0;
  const own = createHandlerRegistry([defineJob({ type: "kills", handler: () => void ran++ })], { maxLost: 3 });
  const kinds: string[] = [];
  for (const lost of [2, 3]) kinds.push((await execute(delivery(envelope("kills"), { lost }), own)).kind);
  expect(kinds).toEqual(["completed", "dead"]);
  expect(ran).toBe(1);
});

test("the envelope's timeout wins over the definition's", async () => {
  const nap = defineJob({
    type: "nap",
    timeout: "10ms",
    handler: () => new Promise((resolve) => setTimeout(resolve, 60)),
  });
  const own = createHandlerRegistry([nap]);
  expect((await execute(delivery(envelope("nap")), own)).kind).toBe("retry");
  expect((await execute(delivery(envelope("nap", { timeout: 1 })), own)).kind).toBe("completed");
});

for (const code of ["SHUTDOWN", "LEASE_LOST", "JOB_CANCELLED"] as const) {
  test(`a handler aborted with ${code} is released at once, its attempt unspent, and its signal says why`, async () => {
    let reason: unknown;
    const waits = defineJob({
      type: "waits",
      handler: (_, job) =>
        new Promise((_resolve, reject) => {
          job.signal.addEventListener("abort", () => {
            reason = job.signal.reason;
            reject(new Error("stopped half-way"));
          });
        }),
    });
    const handle = new RunHandle();
    const running = execute(delivery(envelope("waits"), { handle }), createHandlerRegistry([waits]));
    await new Promise((resolve) => setTimeout(resolve, 10));
    handle.cancel(new WaybillError(code, "now"), 1_000);
    expect(await running).toMatchObject({ kind: "release", delayMs: 0, reason: { code } });
    expect(isWaybillError(reason, code)).toBe(true);
  });
}

test("a handler that finishes within the grace of its abort is completed after all", async () => {
  const nearly = defineJob({ type: "nearly", handler: () => new Promise((resolve) => setTimeout(resolve, 30)) });
  const handle = new RunHandle();
  const running = execute(delivery(envelope("nearly"), { handle }), createHandlerRegistry([nearly]));
  handle.cancel(new WaybillError("SHUTDOWN", "soon"), 2_000);
  expect((await running).kind).toBe("completed");
});

test("middleware wraps the handler in order, inside its scope, and what it throws is the job's error", async () => {
  const calls: string[] = [];
  const step = defineJob({ type: "step", handler: () => void calls.push("handler") });
  const around = (name: string) => async (_job: unknown, next: () => Promise<void>) => {
    calls.push(`${name} in`);
    await next();
    calls.push(`${name} out`);
  };
  await execute(delivery(envelope("step")), createHandlerRegistry([step], { middleware: [around("a"), around("b")] }));
  expect(calls).toEqual(["a in", "b in", "handler", "b out", "a out"]);
  const impatient: Middleware = async (_job, next) => {
    await next();
    await next();
  };
  const twice = createHandlerRegistry([step], { middleware: [impatient] });
  expect(await execute(delivery(envelope("step")), twice)).toMatchObject({ kind: "retry" });
});

test("execute never throws, whatever it is handed", async () => {
  for (const body of ["", "\0", "{}", "null", "1e999", '{"spec":"waybill/1"}', "\ud800", "[".repeat(100_000)]) {
    expect((await execute(delivery(body), registry)).kind).toBe("dead");
  }
});
