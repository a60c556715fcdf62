import { DatabaseSync } from "node:sqlite";
import { DeadLetter, defineJob, Discard, handlerFor, newId } from "@waybill/core";
import { Redis } from "ioredis";
import { Client } from "pg";
import { serviceUrl } from "@waybill/test-servers";
import type { Situation } from "./situation.ts";
import type { Stage } from "./stage.ts";
import { listedWorker } from "./stage.ts";

const mail = defineJob({ type: "mail.send" });

/** Enqueues a job and waits until a worker has settled it. */
async function settled({ jobs, queue, worker }: Stage, handler: () => void): Promise<string> {
  const running = await worker({ jobs: [handlerFor(mail, handler)] });
  const seen = new Set<string>();
  let found = (): void => {};
  jobs.events.on("settled", ({ id }) => {
    seen.add(id);
    found();
  });
  const { id } = await jobs.enqueue(mail, {}, { queue });
  while (!seen.has(id)) await new Promise<void>((resolve) => (found = resolve));
  await running.stop();
  return id;
}

const envelope = (id: string, queue: string): string =>
  JSON.stringify({ spec: "waybill/1", id, type: "mail.send", queue, args: [{}] });

/** Situations of jobs that have ended, or that are no jobs yet. */
export const endedSituations: readonly Situation[] = [
  {
    name: "a job that has completed, which the store keeps",
    code: "FINISHED",
    onBrokers: "COMPLETED",
    unavailable: {
      memory: "it keeps no finished jobs",
      bullmq: "it removes a job when it is acked",
    },
    async make(stage) {
      const id = await settled(stage, () => undefined);
      if (stage.isBroker) return { job: id, facts: { queue: stage.queue, attempt: 1 }, says: ["has completed"] };
      return { job: id, facts: { from: "store" }, says: ["has finished"] };
    },
  },
  {
    name: "a job that has completed, whose id is remembered",
    code: "FINISHED",
    onBrokers: "COMPLETED",
    async make(stage) {
      const store = await stage.freshStore();
      const jobs = await store.open({ rememberIds: "1h" });
      stage.ended(() => jobs.close());
      const worker: Stage["worker"] = (options) =>
        listedWorker({ jobs, ended: stage.ended }, { queues: [stage.queue], ...options });
      const id = await settled({ ...stage, jobs, worker }, () => undefined);
      return { job: id, on: jobs, says: [stage.isBroker ? "has completed" : "has finished"] };
    },
  },
  {
    name: "a job that its handler discarded",
    code: "NEVER_SEEN",
    onBrokers: "DISCARDED",
    codes: { sqlite: "FINISHED", postgres: "FINISHED" },
    async make(stage) {
      const id = await settled(stage, () => {
        throw new Discard("too old");
      });
      return { job: id };
    },
  },
  {
    name: "a waiting job that was cancelled",
    code: "NEVER_SEEN",
    onBrokers: "CANCEL_RECORDED",
    async make({ jobs, queue }) {
      const { id } = await jobs.enqueue(mail, {}, { queue, delay: "5m" });
      await jobs.cancel(id);
      return { job: id };
    },
  },
  {
    name: "an id that was never enqueued",
    code: "NEVER_SEEN",
    make: async ({ backend }) => ({ job: newId(), facts: { backend } }),
  },
  {
    name: "a receipt of a job whose unique key another one has",
    code: "DUPLICATE",
    async make({ jobs, queue }) {
      const once = defineJob({ type: `once.${queue}`, unique: { onConflict: "ignore" } });
      const { id } = await jobs.enqueue(once, {}, { queue, delay: "5m" });
      const receipt = await jobs.enqueue(once, {}, { queue });
      return { job: receipt, facts: { original: id }, says: [id] };
    },
  },
  {
    name: "an arrival that no worker has judged",
    code: "IN_INBOX",
    unavailable: {
      memory: "it has no inbox",
      postgres: "every connection judges arrivals, also the one that asks",
      bullmq: "its inbox is a list of bytes without ids",
      rabbitmq: "it has no inbox beside its queues",
      sqs: "it has no inbox beside its queues",
    },
    async make(stage) {
      const store = await stage.freshStore();
      const jobs = await store.open();
      stage.ended(() => jobs.close());
      const id = newId();
      await arrive(stage, store.name, id);
      return { job: id, on: jobs, says: ["inbox"] };
    },
  },
  {
    name: "an arrival that is no envelope",
    code: "DEAD",
    unavailable: {
      memory: "it has no inbox",
      bullmq: "its inbox is a list of bytes without ids",
      rabbitmq: "it has no inbox beside its queues",
      sqs: "it has no inbox beside its queues",
    },
    async make(stage) {
      const id = newId();
      await stage.worker({ jobs: [handlerFor(mail, () => undefined)] });
      await arrive(stage, stage.store.name, id, '{"spec":"waybill/1"}');
      return { job: id, facts: { replay: `waybill dead replay --id ${id}` }, says: ["refused"] };
    },
  },
  {
    name: "a dead letter whose record another program has damaged",
    code: "DAMAGED",
    unavailable: {
      memory: "no other program can write it",
      sqlite: "what is damaged there has lost its id",
      postgres: "its columns are typed, so none is damaged",
      rabbitmq: "a dead letter without its headers has lost its queue and, as a rule, its id",
      sqs: "a dead letter without its attributes has lost its queue and, as a rule, its id",
    },
    async make(stage) {
      const id = await settled(stage, () => {
        throw new DeadLetter("no");
      });
      const client = new Redis(await serviceUrl("redis"));
      stage.ended(() => client.disconnect());
      await client.del(`${stage.store.name}:${stage.queue}:${id}`);
      return { job: id, facts: { queue: stage.queue }, says: ["gone from Redis"] };
    },
  },
];

/** Inserts a row into the inbox, as a program in another language does. */
async function arrive({ backend, queue }: Stage, name: string, id: string, body = envelope(id, queue)): Promise<void> {
  if (backend === "sqlite") {
    const file = new DatabaseSync(name);
    file.exec("PRAGMA busy_timeout = 10000");
    file.prepare("INSERT INTO waybill_inbox (id, envelope) VALUES (?, ?)").run(id, body);
    file.close();
    return;
  }
  const client = new Client(await serviceUrl("postgres"));
  await client.connect();
  await client.query(`INSERT INTO "${name}".inbox (id, envelope) VALUES ($1, $2)`, [id, body]);
  await client.end();
}
