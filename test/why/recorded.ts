import { DeadLetter, defineJob, Discard, handlerFor } from "@waybill/core";
import { expect } from "vitest";
import type { Situation } from "./situation.ts";
import { endless, listedWorker, type Stage, until } from "./stage.ts";

const mail = defineJob({ type: "mail.send" });
const process = expect.stringMatching(/^process \d+ on /) as unknown;

/** Enqueues a job on this connection and waits until a worker of it has settled it. Returns the ids of both. */
async function ran(
  { jobs, worker }: Pick<Stage, "jobs" | "worker">,
  queue: string,
  handler: () => void,
): Promise<string[]> {
  const running = await worker({ jobs: [handlerFor(mail, handler)] });
  const settled = new Promise<string>(
    (resolve) => void jobs.events.on("settled", (event) => void (event.queue === queue && resolve(event.id))),
  );
  await jobs.enqueue(mail, {}, { queue });
  const id = await settled;
  await running.stop();
  return [id, running.id];
}

/** A UUID of version 7 of an earlier time. */
function idOf(ms: number): string {
  const digits = ms.toString(16).padStart(12, "0");
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7000-8000-${crypto.randomUUID().slice(-12)}`;
}

const noRecords = "its jobs are seen without records";
const onlyBrokers = { memory: noRecords, sqlite: noRecords, postgres: noRecords, bullmq: noRecords } as const;

/** Situations that records know exactly, and those that brokers hide without them. */
export const recordedSituations: readonly Situation[] = [
  {
    name: "a recorded job that has completed",
    code: "COMPLETED",
    async make(stage) {
      const recorded = await stage.recorded();
      const [id = "", worker = ""] = await ran(recorded, stage.queue, () => undefined);
      const facts = {
        queue: stage.queue,
        worker,
        attempt: 1,
        endedAt: expect.any(Number),
        durationMs: expect.any(Number),
      };
      return { job: id, on: recorded.jobs, facts, says: ["has completed", worker] };
    },
  },
  {
    name: "a recorded job that its handler discarded",
    code: "DISCARDED",
    async make(stage) {
      const recorded = await stage.recorded();
      const [id = "", worker = ""] = await ran(recorded, stage.queue, () => {
        throw new Discard("the album is gone");
      });
      const reason = { code: "DISCARDED", message: "the album is gone" };
      return { job: id, on: recorded.jobs, facts: { worker, reason }, says: ["the album is gone", worker] };
    },
  },
  {
    name: "a recorded job that was cancelled before it ran",
    code: "CANCELLED",
    onBrokers: "CANCEL_RECORDED",
    async make({ recorded, queue, isBroker }) {
      const { jobs } = await recorded();
      const { id } = await jobs.enqueue(mail, {}, { queue, delay: "5m" });
      await jobs.cancel(id);
      if (isBroker) return { job: id, on: jobs, facts: { by: process }, says: ["by process"] };
      return { job: id, on: jobs, facts: { queue, worker: null, by: process }, says: ["before it ran", "by process"] };
    },
  },
  {
    name: "a recorded job that was cancelled while it ran",
    code: "CANCELLED",
    async make(stage) {
      const { jobs, worker } = await stage.recorded();
      let started = (): void => {};
      const running = new Promise<void>((resolve) => (started = resolve));
      const { id: by } = await worker({
        jobs: [
          handlerFor(mail, async (_, { signal }) => {
            started();
            await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
          }),
        ],
      });
      const { id } = await jobs.enqueue(mail, {}, { queue: stage.queue });
      await running;
      await jobs.cancel(id);
      return { job: id, on: jobs, facts: { worker: by, attempt: 1 }, says: ["while it ran", by] };
    },
  },
  {
    name: "a recorded dead letter that was dropped",
    code: "DROPPED",
    async make(stage) {
      const recorded = await stage.recorded();
      const [id = "", worker = ""] = await ran(recorded, stage.queue, () => {
        throw new DeadLetter("the account is closed");
      });
      await until("it is dropped", async () => (await recorded.jobs.inspector?.drop({ ids: [id] })) === 1);
      const reason = { code: "DEAD_LETTERED", message: "the account is closed" };
      const says = ["dropped", "by process", "the account is closed"];
      return { job: id, on: recorded.jobs, facts: { worker, reason, by: process }, says };
    },
  },
  {
    name: "a recorded job whose end another connection has not recorded",
    code: "END_UNKNOWN",
    codes: { sqlite: "FINISHED", postgres: "FINISHED" },
    unavailable: { rabbitmq: "the record is all that is known", sqs: "the record is all that is known" },
    async make(stage) {
      const { jobs } = await stage.recorded();
      const running = await stage.worker({ jobs: [handlerFor(mail, () => undefined)] });
      const settled = new Promise<void>(
        (resolve) => void stage.jobs.events.on("settled", ({ queue }) => void (queue === stage.queue && resolve())),
      );
      const { id } = await jobs.enqueue(mail, {}, { queue: stage.queue });
      await settled;
      await running.stop();
      return { job: id, on: jobs };
    },
  },
  {
    name: "an id of a time from which no records are kept",
    code: "RECORD_EXPIRED",
    async make(stage) {
      const { jobs } = await stage.recorded();
      await listedWorker(
        { jobs, ended: stage.ended },
        { queues: [stage.queue], jobs: [handlerFor(mail, () => undefined)] },
      );
      const facts = { madeAt: Date.UTC(2026, 0, 1), keptSince: expect.any(Number) };
      return { job: idOf(Date.UTC(2026, 0, 1)), on: jobs, facts, says: ["2026-01-01", "was removed"] };
    },
  },
  ...(["ready", "delayed", "completed"] as const).map((how): Situation => ({
    name: `a ${how} job of a broker without records`,
    code: "NOT_VISIBLE",
    unavailable: onlyBrokers,
    async make(stage) {
      const jobs = await stage.unrecorded();
      if (how !== "completed") {
        const delay = how === "ready" ? {} : ({ delay: "5m" } as const);
        const { id } = await jobs.enqueue(mail, {}, { queue: stage.queue, ...delay });
        return { job: id, on: jobs, says: ["cannot be known"] };
      }
      const worker: Stage["worker"] = (options) =>
        listedWorker({ jobs, ended: stage.ended }, { queues: [stage.queue], ...options });
      const [id = ""] = await ran({ jobs, worker }, stage.queue, () => undefined);
      return { job: id, on: jobs, says: ["cannot be known"] };
    },
  })),
  {
    name: "a job of a broker whose worker says that it runs, without records",
    code: "LEASED",
    unavailable: onlyBrokers,
    async make(stage) {
      const jobs = await stage.unrecorded();
      const { handler, started } = endless(stage);
      const { id: worker } = await listedWorker(
        { jobs, ended: stage.ended },
        { queues: [stage.queue], jobs: [handlerFor(mail, handler)] },
      );
      const { id } = await jobs.enqueue(mail, {}, { queue: stage.queue });
      await started;
      return { job: id, on: jobs, facts: { worker }, says: [worker] };
    },
  },
];
