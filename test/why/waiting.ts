import { setTimeout as sleep } from "node:timers/promises";
import { defineJob, type Duration, handlerFor, RetryLater } from "@waybill/core";
import { expect } from "vitest";
import type { Situation } from "./situation.ts";
import { endless, type Stage } from "./stage.ts";

const mail = defineJob({ type: "mail.send", retry: { initial: "10m", jitter: false } });
const noop = handlerFor(mail, () => undefined);

/** A worker with one slot, which a job without an end has. */
async function busyWorker(stage: Stage, heartbeat: Duration): Promise<void> {
  const { handler, started } = endless(stage);
  const block = defineJob({ type: "block", handler });
  await stage.worker({ jobs: [block, noop], concurrency: 1, heartbeat });
  await stage.jobs.enqueue(block, {}, { queue: stage.queue });
  await started;
}

const ready: readonly Situation[] = [
  {
    name: "a ready job that is next",
    code: "READY_NEXT",
    onBrokers: "READY",
    async make(stage) {
      // The worker has had a free slot at its last heartbeat.
      await busyWorker(stage, "60s");
      const { id } = await stage.jobs.enqueue(mail, {}, { queue: stage.queue });
      return {
        job: id,
        facts: { type: "mail.send", queue: stage.queue, workers: 1 },
        says: [stage.queue, "1 live worker"],
      };
    },
  },
  {
    name: "a ready job behind others",
    code: "READY_BEHIND",
    onBrokers: "READY",
    async make(stage) {
      const { jobs, queue, isBroker } = stage;
      await busyWorker(stage, "60s");
      for (let at = 0; at < 2; at += 1) await jobs.enqueue(mail, {}, { queue });
      const { id } = await jobs.enqueue(mail, {}, { queue });
      await jobs.enqueue(mail, {}, { queue, ...(!isBroker && { priority: 7 }) });
      await jobs.enqueue(mail, {}, { queue });
      if (isBroker)
        return { job: id, facts: { type: "mail.send", queue, workers: 1 }, says: ["how many are before it"] };
      const facts = { type: "mail.send", queue, ahead: 3, higher: 1, workers: 1 };
      return { job: id, facts, says: ["3 jobs", "1 of them with a higher priority"] };
    },
  },
  {
    name: "a ready job whose workers have no free slot",
    code: "WORKERS_BUSY",
    async make(stage) {
      await busyWorker(stage, "300ms");
      const { id } = await stage.jobs.enqueue(mail, {}, { queue: stage.queue });
      return { job: id, facts: { queue: stage.queue, running: 1, slots: 1 }, says: ["1 of 1 jobs"] };
    },
  },
  {
    name: "a ready job whose queue has no worker",
    code: "NO_WORKER",
    async make({ jobs, queue }) {
      const { id } = await jobs.enqueue(mail, {}, { queue });
      return { job: id, facts: { type: "mail.send", queue }, says: [queue] };
    },
  },
  {
    name: "a job of a paused queue",
    code: "QUEUE_PAUSED",
    async make({ jobs, queue, worker }) {
      const since = Date.now();
      await jobs.pause({ queue });
      await worker({ jobs: [noop] });
      const { id } = await jobs.enqueue(mail, {}, { queue });
      const pause = (await jobs.pauses()).find((one) => "queue" in one && one.queue === queue);
      return {
        job: id,
        facts: { queue, since: pause?.since },
        says: [queue, new Date(since).toISOString().slice(0, 10)],
      };
    },
  },
  {
    name: "a job of a paused type",
    code: "TYPE_PAUSED",
    async make({ jobs, queue, worker }) {
      const paused = defineJob({ type: `paused.${queue}` });
      await jobs.pause({ type: paused.type });
      await worker({ jobs: [handlerFor(paused, () => undefined)] });
      const { id } = await jobs.enqueue(paused, {}, { queue });
      return { job: id, facts: { type: paused.type, queue }, says: [paused.type] };
    },
  },
  {
    name: "a job of a type that no worker of its queue knows",
    code: "TYPE_UNKNOWN",
    async make({ jobs, queue, worker }) {
      const { id: running } = await worker({ jobs: [noop] });
      const other = defineJob({ type: "other.type" });
      const { id } = await jobs.enqueue(other, {}, { queue });
      return { job: id, facts: { type: "other.type", queue, workers: [running] }, says: ["other.type", running] };
    },
  },
  {
    name: "a job of a newer payload version than any worker knows",
    code: "VERSION_UNKNOWN",
    async make({ jobs, queue, worker }) {
      await worker({ jobs: [noop] });
      const { id } = await jobs.enqueue(defineJob({ type: "mail.send", version: 3 }), {}, { queue });
      return { job: id, facts: { version: 3, known: 1, queue }, says: ["version 3", "know 1"] };
    },
  },
  {
    name: "a ready job whose time to start has passed",
    code: "EXPIRED",
    async make({ jobs, queue }) {
      const { id } = await jobs.enqueue(mail, {}, { queue, expiresIn: "100ms" });
      await sleep(200);
      const facts = { queue, at: expect.any(Number), by: "expires_at" };
      return { job: id, facts, says: ["too late", "ago"], also: ["NO_WORKER"] };
    },
  },
];

const delayed: readonly Situation[] = [
  {
    name: "a delayed job",
    code: "DELAYED",
    async make({ jobs, queue }) {
      const runAt = new Date(Date.now() + 600_000);
      const { id } = await jobs.enqueue(mail, {}, { queue, runAt });
      return {
        job: id,
        facts: { queue, type: "mail.send" },
        says: [runAt.toISOString().slice(0, 16)],
        also: ["NO_WORKER"],
      };
    },
  },
  {
    name: "a delayed job of a paused queue",
    code: "DELAYED",
    async make({ jobs, queue }) {
      await jobs.pause({ queue });
      const { id } = await jobs.enqueue(mail, {}, { queue, delay: "10m" });
      return { job: id, facts: { queue }, also: ["QUEUE_PAUSED", "NO_WORKER"] };
    },
  },
  {
    name: "a job that was rescheduled",
    code: "DELAYED",
    unavailable: { rabbitmq: "it cannot reschedule a job", sqs: "it cannot reschedule a job" },
    async make({ jobs, queue, worker }) {
      await jobs.pause({ queue });
      await worker({ jobs: [noop] });
      const { id } = await jobs.enqueue(mail, {}, { queue });
      await jobs.reschedule(id, new Date(Date.now() + 3_600_000));
      await jobs.resume({ queue });
      return { job: id, facts: { queue }, says: ["59 min"] };
    },
  },
  {
    name: "a job that waits for its next attempt",
    code: "RETRY_WAITING",
    async make({ jobs, queue, worker }) {
      const { id: failed } = await worker({
        jobs: [
          handlerFor(mail, () => {
            throw Object.assign(new Error("the mail server is full"), { code: "SMTP_452" });
          }),
        ],
      });
      const { id } = await jobs.enqueue(mail, {}, { queue, retry: { maxAttempts: 4 } });
      const facts = { queue, attempt: 2, maxAttempts: 4, error: { code: "SMTP_452" }, worker: failed };
      return { job: id, facts, says: ["SMTP_452", "the mail server is full", "attempt 2"] };
    },
  },
  {
    name: "a job that its handler asked to run later",
    code: "RELEASED",
    async make({ jobs, queue, worker }) {
      const { id: released } = await worker({
        jobs: [
          handlerFor(mail, () => {
            throw new RetryLater("10m", "the shop is closed");
          }),
        ],
      });
      const { id } = await jobs.enqueue(mail, {}, { queue });
      const reason = { code: "RETRY_LATER", message: "the shop is closed" };
      return { job: id, facts: { queue, worker: released, reason }, says: ["the shop is closed", released] };
    },
  },
  {
    name: "a job that a rule on errors released",
    code: "RELEASED",
    async make({ jobs, queue, worker }) {
      class Throttled extends Error {
        readonly code = "THROTTLED";
      }
      const call = defineJob({
        type: "api.call",
        errors: [{ error: Throttled, do: "release", delay: "10m" }],
        handler() {
          throw new Throttled("429 from the API");
        },
      });
      await worker({ jobs: [call] });
      const { id } = await jobs.enqueue(call, {}, { queue });
      return { job: id, facts: { queue, reason: { code: "THROTTLED" } }, says: ["429 from the API"] };
    },
  },
];

export const waitingSituations: readonly Situation[] = [...ready, ...delayed];
