import { setTimeout as sleep } from "node:timers/promises";
import { DeadLetter, defineJob, handlerFor, type Receipt } from "@waybill/core";
import { z } from "zod";
import { held, killedWhileRunning } from "./leased.ts";
import type { Situation } from "./situation.ts";
import { type Stage, until } from "./stage.ts";

/** A job that becomes a dead letter for this reason. */
const dies = (
  name: string,
  code: string,
  make: (stage: Stage) => Promise<Receipt>,
  more: Partial<Situation> & { readonly says?: readonly string[]; readonly attempt?: number } = {},
): Situation => ({
  name: `a dead letter: ${name}`,
  code: "DEAD",
  ...more,
  async make(stage) {
    const { id } = await make(stage);
    const { attempt = 1, says = [] } = more;
    const replay = `waybill dead replay --id ${id}`;
    return { job: id, facts: { reason: { code }, attempt, replay }, says: [code, ...says] };
  },
});

const fails = (error: Error) => () => {
  throw error;
};

/** Situations of dead letters. */
export const deadSituations: readonly Situation[] = [
  dies(
    "its attempts are exhausted",
    "ATTEMPTS_EXHAUSTED",
    async ({ jobs, queue, worker }) => {
      const retry = { maxAttempts: 2, initial: 1, jitter: false };
      const flaky = defineJob({ type: "flaky", retry, handler: fails(new Error("no route to host")) });
      await worker({ jobs: [flaky] });
      return jobs.enqueue(flaky, {}, { queue });
    },
    { attempt: 2, says: ["no route to host"] },
  ),
  dies(
    "its error is not retried",
    "NON_RETRYABLE",
    async ({ jobs, queue, worker }) => {
      const error = Object.assign(new Error("no such user"), { code: "GONE" });
      const wrong = defineJob({ type: "wrong", retry: { nonRetryable: ["GONE"] }, handler: fails(error) });
      await worker({ jobs: [wrong] });
      return jobs.enqueue(wrong, {}, { queue });
    },
    { says: ["no such user"] },
  ),
  dies(
    "its handler ended it",
    "DEAD_LETTERED",
    async ({ jobs, queue, worker }) => {
      const given = defineJob({ type: "given.up", handler: fails(new DeadLetter("the account is closed")) });
      await worker({ jobs: [given] });
      return jobs.enqueue(given, {}, { queue });
    },
    { says: ["the account is closed"] },
  ),
  dies("its payload does not fit", "PAYLOAD_INVALID", async ({ jobs, queue, worker }) => {
    await worker({ jobs: [defineJob({ type: "typed", payload: z.object({ to: z.string() }), handler() {} })] });
    return jobs.enqueue(defineJob({ type: "typed" }), { to: 7 }, { queue });
  }),
  dies("it is not signed", "SIGNATURE_INVALID", async ({ jobs, queue, worker }) => {
    const keys = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    await worker({ jobs: [handlerFor(held, () => undefined)], signatures: "required", keys });
    return jobs.enqueue(held, {}, { queue });
  }),
  dies("it was leased too late", "EXPIRED", async ({ jobs, queue, worker }) => {
    const receipt = await jobs.enqueue(held, {}, { queue, expiresIn: "100ms" });
    await sleep(200);
    await worker({ jobs: [handlerFor(held, () => undefined)] });
    return receipt;
  }),
  dies("its deadline for all attempts has passed", "DEADLINE", async ({ jobs, queue, worker }) => {
    const due = defineJob({ type: "due", deadline: 100 });
    const receipt = await jobs.enqueue(due, {}, { queue });
    await sleep(200);
    await worker({ jobs: [handlerFor(due, () => undefined)] });
    return receipt;
  }),
  dies(
    "its worker was lost",
    "WORKER_LOST",
    async (stage) => {
      const { id, queue } = (await killedWhileRunning(stage)).lost;
      await stage.worker({ jobs: [handlerFor(held, () => undefined)], queues: [queue], maxLost: 1, lease: "2s" });
      return { id, stored: true };
    },
    { unavailable: { memory: "the store dies with its process" } },
  ),
  {
    name: "a dead letter that was replayed, and waits",
    code: "NO_WORKER",
    async make({ jobs, queue, worker }) {
      const { id } = await jobs.enqueue(held, {}, { queue });
      const dying = new Promise<void>((resolve) => {
        jobs.events.on("settled", (event) => void (event.id === id && resolve()));
      });
      const running = await worker({ jobs: [handlerFor(held, fails(new DeadLetter("no")))] });
      await dying;
      await running.stop();
      await until("it is replayed", async () => (await jobs.inspector?.replay({ ids: [id] })) === 1);
      return { job: id, facts: { queue }, says: [queue] };
    },
  },
];
