import { describe, expect, test } from "vitest";
import { defineJob, type JobContext, keyRing, newId, newSecret, type Outcome } from "../../src/index.ts";
import {
  forwardEvery,
  createHandlerRegistry,
  type Delivery,
  execute,
  parseEnvelope,
  Forwarded,
  signatureFor,
} from "../../src/exports/endpoint.ts";
import { connected } from "../helpers/connected.ts";

function delivery(type: string, more: Partial<Delivery> = {}, fields: object = {}): Delivery {
  const body = JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}], ...fields });
  return { body, attempt: 1, lost: 0, releases: 0, dueAt: null, signature: null, label: null, worker: "test", ...more };
}

const reason = { code: "E_THERE", message: "said so" };

describe("a job of any type", () => {
  test("takes what no other definition names, and leaves the rest to it", async () => {
    const taken: string[] = [];
    const note =
      (who: string) =>
      (_: unknown, { type }: JobContext) =>
        void taken.push(`${who}: ${type}`);
    const registry = createHandlerRegistry([
      forwardEvery({ handler: note("any") }),
      defineJob({ type: "mine", handler: note("own") }),
    ]);
    for (const type of ["mine", "theirs", "nobody.knows"]) await execute(delivery(type), registry);
    expect(taken).toEqual(["own: mine", "any: theirs", "any: nobody.knows"]);
    expect(() => createHandlerRegistry([forwardEvery({ handler() {} }), forwardEvery({ handler() {} })])).toThrow(
      /two handlers/,
    );
  });

  test("is judged where it runs: no payload version is too new and no timeout of its envelope counts here", async () => {
    const slow = forwardEvery({ handler: () => new Promise<void>((resolve) => setTimeout(resolve, 1_100)) });
    const forwards = createHandlerRegistry([slow]);
    const newer = delivery("theirs", {}, { meta: { payload_version: 99 }, timeout: 1 });
    expect(await execute(newer, forwards)).toEqual({ kind: "completed" });
  });

  test("has a timeout of its own", async () => {
    const registry = createHandlerRegistry([
      forwardEvery({ timeout: "20ms", handler: () => new Promise<void>(() => {}) }),
    ]);
    expect(await execute(delivery("theirs"), registry)).toMatchObject({
      kind: "retry",
      reason: { code: "JOB_TIMEOUT" },
    });
  });
});

describe("what was decided elsewhere is decided here, whatever this attempt's own policy would say", () => {
  const decisions: Outcome[] = [
    { kind: "completed" },
    { kind: "retry", delayMs: 12_345, reason, error: new Error("no") },
    { kind: "release", delayMs: 54_321, reason },
    { kind: "dead", reason, kept: true },
    { kind: "dead", reason, kept: false },
  ];
  test.each(decisions)("$kind $delayMs $kept", async (outcome) => {
    const job = forwardEvery({ handler: () => Promise.reject(new Forwarded(outcome)) });
    const last = delivery("theirs", { attempt: 50 }, { retry: { max_attempts: 1 } });
    expect(await execute(last, createHandlerRegistry([job]))).toEqual(outcome);
  });

  test("by a worker too: the delay, the attempt and the code arrive at the backend", async () => {
    const jobs = await connected();
    const settled: object[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    jobs.events.on("settled", ({ outcome, delayMs, reason: why }) => {
      settled.push({ outcome, delayMs, code: why?.code });
      if (settled.length === 2) resolve();
    });
    const answers: Outcome[] = [
      { kind: "retry", delayMs: 0, reason, error: new Error("no") },
      { kind: "dead", reason, kept: true },
    ];
    const attempts: number[] = [];
    const job = forwardEvery({
      handler(_, { attempt }) {
        attempts.push(attempt);
        throw new Forwarded(answers.shift() ?? { kind: "completed" });
      },
    });
    await jobs.worker({ jobs: [job] }).start();
    await jobs.enqueue("theirs", {});
    await promise;
    expect(attempts).toEqual([1, 2]);
    expect(settled).toEqual([
      { outcome: "retry", delayMs: 0, code: "E_THERE" },
      { outcome: "dead", delayMs: undefined, code: "E_THERE" },
    ]);
    expect(await jobs.inspector?.deadLetters()).toMatchObject([{ reason }]);
  });
});

test("a handler sees its delivery as it came: the bytes, the counts, the signature", async () => {
  const ring = keyRing(newSecret());
  const body = ` {"args":[], "type":"theirs","id":"${newId()}", "spec":"waybill/1"} `;
  const { id } = parseEnvelope(body);
  const came = delivery("x", { body, attempt: 3, lost: 2, releases: 7, signature: signatureFor(ring, id, body) });
  let seen: JobContext | null = null;
  const job = forwardEvery({ handler: (_, context) => void (seen = context) });
  expect(await execute(came, createHandlerRegistry([job]))).toEqual({ kind: "completed" });
  expect((seen as JobContext | null)?.delivery).toBe(came);
});

test("a delivery whose door has parsed it is not parsed again, and is judged like any other", async () => {
  const job = defineJob({ type: "work", handler() {} });
  const came = delivery("work", {}, { expires_at: "2020-01-01T00:00:00Z" });
  const registry = createHandlerRegistry([job]);
  const parsed = { ...came, body: "not looked at", envelope: parseEnvelope(came.body) };
  expect(await execute(parsed, registry)).toMatchObject({ kind: "dead", reason: { code: "EXPIRED" } });
});
