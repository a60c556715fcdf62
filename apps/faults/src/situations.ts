import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import {
  DeadLetter,
  defineJob,
  Discard,
  type Envelope,
  type JobDefinition,
  newId,
  type Outcome,
  RetryLater,
} from "@waybill/core";
import { waitForGate } from "./gates.ts";

/** One thing that can happen to a job, and its outcome on every delivery path. */
export interface Situation {
  readonly name: string;
  readonly body: string;
  readonly attempt?: number;
  readonly lost?: number;
  readonly outcome: Outcome["kind"];
  readonly code?: string;
}

const iso = (offsetMs: number): string => new Date(Date.now() + offsetMs).toISOString();

function body(type: string, more: Partial<Envelope> & Record<string, unknown> = {}): string {
  return JSON.stringify({ spec: "waybill/1", id: newId(), type, args: [{}], ...more });
}

class NotAPhoto extends Error {
  override name = "NotAPhoto";
}

export const jobs: JobDefinition[] = [
  defineJob({ type: "ok", async handler() {} }),
  defineJob({ type: "ok.sync", handler() {} }),
  defineJob({
    type: "throws",
    retry: { maxAttempts: 3 },
    handler() {
      throw new Error("no luck");
    },
  }),
  defineJob({
    type: "throws.text",
    handler() {
      throw "just words";
    },
  }),
  defineJob({
    type: "later",
    handler() {
      throw new RetryLater(5_000);
    },
  }),
  defineJob({
    type: "hopeless.order",
    handler() {
      throw new DeadLetter("no such order");
    },
  }),
  defineJob({
    type: "discard",
    handler() {
      throw new Discard("no such order");
    },
  }),
  defineJob({
    type: "forget",
    retry: { maxAttempts: 1, onExhaustion: "discard" },
    handler() {
      throw new Error("never mind");
    },
  }),
  defineJob({
    type: "hopeless",
    retry: { nonRetryable: ["NotAPhoto", "payment.*"] },
    handler(payload) {
      if ((payload as { code?: string }).code) throw Object.assign(new Error("declined"), { code: "payment.declined" });
      throw new NotAPhoto("a text file");
    },
  }),
  defineJob({ type: "slow", timeout: "20ms", handler: () => sleep(200) }),
  defineJob({
    type: "slow.polite",
    timeout: "20ms",
    handler: (_, job) => sleep(200, undefined, { signal: job.signal }),
  }),
  defineJob({ type: "strict", payload: z.object({ n: z.number() }), handler() {} }),
  defineJob({
    type: "strict.async",
    payload: z.object({ n: z.number() }).refine(async ({ n }) => n > 0, "must be positive"),
    handler() {},
  }),
  defineJob({
    type: "sorted",
    errors: [
      { error: NotAPhoto, do: "discard" },
      { error: "payment.*", do: "release", delay: "1m" },
    ],
    handler(payload) {
      if ((payload as { code?: string }).code) throw Object.assign(new Error("busy"), { code: "payment.busy" });
      throw new NotAPhoto("a text file");
    },
  }),
  defineJob({
    type: "expiring",
    deadline: "1h",
    retry: { initial: "30m", jitter: false },
    handler: () => Promise.reject(new Error("no luck")),
  }),
  defineJob({ type: "listed", args: z.tuple([z.string(), z.number()]), handler() {} }),
  defineJob({ type: "versioned", version: 2, handler() {} }),
  defineJob({ type: "waits", handler: (_, job) => waitForGate(job) }),
];

/** The body of a job that runs until it is disturbed, or let go. */
export const waitingBody = (): string => body("waits");

export const situations: readonly Situation[] = [
  { name: "a handler that resolves", body: body("ok"), outcome: "completed" },
  { name: "a handler that returns", body: body("ok.sync"), outcome: "completed" },
  { name: "a handler that throws", body: body("throws"), outcome: "retry", code: "Error" },
  {
    name: "a handler that throws on its last attempt",
    body: body("throws"),
    attempt: 3,
    outcome: "dead",
    code: "ATTEMPTS_EXHAUSTED",
  },
  {
    name: "an envelope that allows one attempt",
    body: body("throws", { retry: { max_attempts: 1 } }),
    outcome: "dead",
    code: "ATTEMPTS_EXHAUSTED",
  },
  {
    name: "an envelope that allows more attempts than the definition",
    body: body("throws", { retry: { max_attempts: 9 } }),
    attempt: 3,
    outcome: "retry",
    code: "Error",
  },
  { name: "a handler that throws what is not an error", body: body("throws.text"), outcome: "retry", code: "Error" },
  { name: "RetryLater", body: body("later"), outcome: "release", code: "RETRY_LATER" },
  { name: "DeadLetter", body: body("hopeless.order"), outcome: "dead", code: "DEAD_LETTERED" },
  { name: "Discard", body: body("discard"), outcome: "dead", code: "DISCARDED" },
  { name: "exhaustion that asks to be forgotten", body: body("forget"), outcome: "dead", code: "ATTEMPTS_EXHAUSTED" },
  { name: "an error named as not retryable", body: body("hopeless"), outcome: "dead", code: "NON_RETRYABLE" },
  {
    name: "an error whose code falls under a prefix",
    body: body("hopeless", { args: [{ code: "x" }] }),
    outcome: "dead",
    code: "NON_RETRYABLE",
  },
  { name: "an error that a rule discards", body: body("sorted"), outcome: "dead", code: "DISCARDED" },
  {
    name: "an error that a rule releases",
    body: body("sorted", { args: [{ code: "x" }] }),
    outcome: "release",
    code: "payment.busy",
  },
  { name: "a failure in time", body: body("expiring", { created_at: iso(0) }), outcome: "retry", code: "Error" },
  {
    name: "a failure whose retry would be past its deadline",
    body: body("expiring", { created_at: iso(-45 * 60_000) }),
    outcome: "dead",
    code: "DEADLINE",
  },
  {
    name: "a job past its deadline",
    body: body("expiring", { created_at: iso(-60 * 60_000) }),
    outcome: "dead",
    code: "DEADLINE",
  },
  { name: "arguments one after the other", body: body("listed", { args: ["a", 1] }), outcome: "completed" },
  { name: "too few of them", body: body("listed", { args: ["a"] }), outcome: "dead", code: "PAYLOAD_INVALID" },
  { name: "a handler unresponsive to its timeout", body: body("slow"), outcome: "retry", code: "JOB_TIMEOUT" },
  { name: "a handler that heeds its timeout", body: body("slow.polite"), outcome: "retry", code: "JOB_TIMEOUT" },
  { name: "text that is no JSON", body: "not json", outcome: "dead", code: "JSON_SYNTAX" },
  { name: "JSON that is no envelope", body: "[1]", outcome: "dead", code: "ENVELOPE_NOT_OBJECT" },
  {
    name: "another major version",
    body: body("ok", { spec: "waybill/2" } as never),
    outcome: "dead",
    code: "SPEC_UNSUPPORTED",
  },
  {
    name: "an unknown critical field",
    body: body("ok", { crit: ["x_acme_seal"], x_acme_seal: 1 }),
    outcome: "dead",
    code: "CRIT_UNSUPPORTED",
  },
  { name: "an unregistered type", body: body("not.registered"), outcome: "release", code: "JOB_UNKNOWN" },
  {
    name: "an unregistered type, of a job that waited 8 days for its first worker",
    body: body("not.registered", { created_at: iso(-8 * 86_400_000) }),
    outcome: "release",
    code: "JOB_UNKNOWN",
  },
  {
    name: "a payload version newer than the worker's",
    body: body("versioned", { meta: { payload_version: 3 } }),
    outcome: "release",
    code: "JOB_UNKNOWN",
  },
  { name: "a payload version as old as can be", body: body("versioned"), outcome: "completed" },
  {
    name: "a job before its time",
    body: body("ok", { scheduled_at: iso(600_000) }),
    outcome: "release",
    code: "EARLY",
  },
  { name: "a job whose time has come", body: body("ok", { scheduled_at: iso(-1) }), outcome: "completed" },
  { name: "an expired job", body: body("ok", { expires_at: iso(-1) }), outcome: "dead", code: "EXPIRED" },
  {
    name: "a payload that fails its schema",
    body: body("strict", { args: [{ n: "one" }] }),
    outcome: "dead",
    code: "PAYLOAD_INVALID",
  },
  {
    name: "a payload that fails its asynchronous schema",
    body: body("strict.async", { args: [{ n: -1 }] }),
    outcome: "dead",
    code: "PAYLOAD_INVALID",
  },
  {
    name: "more arguments than the schema has",
    body: body("strict", { args: [{ n: 1 }, 2] }),
    outcome: "dead",
    code: "PAYLOAD_INVALID",
  },
  {
    name: "a unique key, which the queue has kept",
    body: body("ok", { dedupe: { key: "k" } }),
    outcome: "completed",
  },
  { name: "a job that has lost twenty workers", body: body("ok"), lost: 20, outcome: "dead", code: "WORKER_LOST" },
  { name: "a job that has lost nineteen workers", body: body("ok"), lost: 19, outcome: "completed" },
];
