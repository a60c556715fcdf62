import { addJobs, finishJobs, takeJobs } from "./batch-lua.ts";
import type { Client } from "./connections.ts";
import type { StoredJob } from "./label.ts";

/** The three hot paths, many jobs a call. What happens to each job is BullMQ's own script; only the loop is ours. */
export interface Batches {
  /** In order, for each: stored, the data of the job that has the id already, or why it failed. */
  add(base: string, now: number, jobs: readonly StoredJob[]): Promise<Added[]>;
  take(base: string, leaseMs: number, token: string, count: number): Promise<Taken>;
  /** Acks, and then takes `count` jobs in the same step. */
  finish(base: string, held: readonly Held[], along: Along): Promise<Taken & { readonly codes: (number | Error)[] }>;
}

export type Added = { readonly kind: "stored" } | { readonly kind: "known"; readonly data: string } | Failed;
export interface Failed {
  readonly kind: "failed";
  readonly error: Error;
}

export interface Held {
  readonly id: string;
  readonly token: string;
}

export interface Along {
  readonly leaseMs: number;
  /** One for all jobs of the call: it is judged together with the job's id. */
  readonly token: string;
  readonly count: number;
}

/** A job as it was taken: everything is text, as Redis keeps it. */
export type TakenJob = readonly [
  id: string,
  name: string,
  data: string,
  priority: string,
  failures: string,
  lost: string,
];

export interface Taken {
  readonly jobs: readonly TakenJob[];
  /** Unix milliseconds; 0: nothing is delayed, or there was more to take. */
  readonly nextDueAt: number;
  /** What ended the taking early. */
  readonly error: Error | null;
}

type Command<Reply> = (keys: 1, base: string, ...args: (string | number)[]) => Promise<Reply>;

interface Commands {
  readonly waybillAdd: Command<(1 | string | [string])[]>;
  readonly waybillTake: Command<[readonly TakenJob[], string]>;
  readonly waybillFinish: Command<[(number | [string])[], readonly TakenJob[], string]>;
}

/** `base` is a queue's prefix with its last colon. `refused` hears each error that a script returns as data. */
export function createBatches(client: Client, refused: (message: string) => void): Batches {
  const errorOf = (message: string): Error => {
    refused(message);
    return new Error(message);
  };

  function addedOf(reply: 1 | string | [string]): Added {
    if (reply === 1) return { kind: "stored" };
    return typeof reply === "string" ? { kind: "known", data: reply } : { kind: "failed", error: errorOf(reply[0]) };
  }

  /** A number says when the next delayed job is due; anything else went wrong. */
  function endOf(after: string): { nextDueAt: number; error: Error | null } {
    const nextDueAt = Number(after);
    return Number.isNaN(nextDueAt) ? { nextDueAt: 0, error: errorOf(after) } : { nextDueAt, error: null };
  }

  client.defineCommand("waybillAdd", { lua: addJobs });
  client.defineCommand("waybillTake", { lua: takeJobs });
  client.defineCommand("waybillFinish", { lua: finishJobs });
  const commands = client as unknown as Commands;
  return {
    async add(base, now, jobs) {
      const args: (string | number)[] = [now];
      for (const { id, name, data, priority, delay } of jobs) args.push(id, name, data, priority, delay);
      return (await commands.waybillAdd(1, base, ...args)).map(addedOf);
    },
    async take(base, leaseMs, token, count) {
      const [jobs, after] = await commands.waybillTake(1, base, Date.now(), leaseMs, token, count);
      return { jobs, ...endOf(after) };
    },
    async finish(base, held, { leaseMs, token, count }) {
      const args: (string | number)[] = [Date.now(), leaseMs, token, count];
      for (const lease of held) args.push(lease.id, lease.token);
      const [codes, jobs, after] = await commands.waybillFinish(1, base, ...args);
      return {
        codes: codes.map((code) => (typeof code === "number" ? code : errorOf(code[0]))),
        jobs,
        ...endOf(after),
      };
    },
  };
}
