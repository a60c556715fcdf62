import { isDeepStrictEqual } from "node:util";
import {
  connect,
  DeadLetter,
  defineJob,
  Discard,
  type JobContext,
  keyRing,
  newSecret,
  RetryLater,
} from "@waybill/core";
import type { BackendFactory } from "@waybill/core/backend";
import { type Ending, modelOf } from "./model.ts";
import type { PlannedJob, Run, Scenario } from "./scenario.ts";

/** Moves the clock, which stands still otherwise. */
export type MoveTo = (ms: number) => void;

const keys = keyRing(newSecret());

/** Runs a scenario on an empty store and compares each delivery with the model. Null: as it must be; else what differs. */
export async function differenceIn(scenario: Scenario, open: BackendFactory, moveTo: MoveTo): Promise<string | null> {
  const startedAt = Date.now();
  const signing = await connect(open, { log: "off", keys });
  const unsigned = await connect(open, { log: "off" });
  const faults: string[] = [];
  const seen = new Map<string, JobContext>();
  let runsOf = new Map<string, Run[]>();

  function definitionOf(version: number) {
    const upcasters = Object.fromEntries([1, 2].filter((from) => from < version).map((from) => [from, upcast]));
    return defineJob({ type: "combined", queue: "jobs", retry: scenario.retry, version, upcasters });
  }

  function handle(known: number, payload: unknown, context: JobContext): void {
    const at = ids.indexOf(context.id);
    const fault = faultInRun(scenario.jobs[at]!, known, payload, context, seen.get(context.id));
    if (fault !== null) faults.push(`job ${at}: ${fault}`);
    seen.set(context.id, context);
    const runs = runsOf.get(context.id)!;
    perform(runs.length > 1 ? runs.shift()! : runs[0]!);
  }

  /** Everything that is due now, by a fresh worker of the version of the day; in the order in which it ran. */
  async function drain(known: number): Promise<(Ending & { queue: string })[]> {
    const ended: (Ending & { queue: string })[] = [];
    const off = unsigned.events.on("finished", ({ id, queue, attempt, outcome, reason, delayMs }) => {
      ended.push({ id, queue, attempt, outcome, code: reason?.code ?? null, delayMs: delayMs ?? null });
    });
    const handler = (payload: unknown, context: JobContext): void => handle(known, payload, context);
    const jobs = [{ ...definitionOf(known), handler }];
    const { signatures } = scenario;
    const worker = unsigned.worker({ jobs, queues: ["jobs", "other"], concurrency: 1, signatures, keys });
    await worker.start();
    const isBusy = async (): Promise<boolean> =>
      (await unsigned.inspector!.counts()).some(({ ready, leased }) => ready + leased > 0);
    while (await isBusy()) await new Promise((resolve) => setImmediate(resolve));
    await worker.stop();
    off();
    return ended;
  }

  const ids: string[] = [];
  try {
    for (const [at, job] of scenario.jobs.entries()) {
      const { id } = await (job.signed ? signing : unsigned).enqueue(
        definitionOf(job.version ?? 1),
        { at, shape: job.version ?? 1 },
        optionsOf(job),
      );
      ids.push(id);
    }
    runsOf = new Map(scenario.jobs.map(({ runs }, at) => [ids[at]!, [...runs]]));
    const model = modelOf(scenario, ids, startedAt);
    for (let at = model.nextAt(); at !== Infinity; at = model.nextAt()) {
      if (at - 1 > Date.now()) {
        moveTo(at - 1);
        const early = await drain(model.knownAt(at - 1));
        if (early.length > 0) return `a millisecond before ${at - startedAt} ms: ${JSON.stringify(early)}`;
      }
      moveTo(at);
      const wanted = model.endingsAt(at);
      const found = await drain(model.knownAt(at));
      const difference = compare(wanted, found, scenario, ids);
      if (difference !== null || faults.length > 0)
        return `at ${at - startedAt} ms: ${difference ?? faults.join("; ")}`;
    }
    const dead = await unsigned.inspector!.deadLetters({ limit: 1_000 });
    const kept = new Map(dead.map(({ id, reason }) => [id, reason.code]));
    return isDeepStrictEqual(new Map([...kept].toSorted()), new Map([...model.kept].toSorted()))
      ? null
      : `dead letters: ${JSON.stringify([...kept])} where ${JSON.stringify([...model.kept])} should be`;
  } finally {
    await Promise.all([signing.close(), unsigned.close()]);
  }
}

const upcast = (payload: unknown): unknown => {
  const { at, shape } = payload as { at: number; shape: number };
  return { at, shape: shape + 1 };
};

function optionsOf({ delayMs, expiresInMs, priority, tenant, queue, retry }: PlannedJob) {
  return {
    ...(delayMs !== undefined && { delay: delayMs }),
    ...(expiresInMs !== undefined && { expiresIn: expiresInMs }),
    ...(priority !== undefined && { priority }),
    ...(tenant !== undefined && { tenant }),
    ...(queue !== undefined && { queue }),
    ...(retry !== undefined && { retry }),
  };
}

function perform(run: Run): void {
  if (run === "fails") throw new Error("again");
  if (run === "declined") throw Object.assign(new Error("no money"), { code: "card.declined" });
  if (run === "dead_letters") throw new DeadLetter("never");
  if (run === "discards") throw new Discard("never");
  if (run === "later") throw new RetryLater(30_000);
}

/** What a handler must find, and find again at each attempt. */
function faultInRun(
  job: PlannedJob,
  known: number,
  payload: unknown,
  context: JobContext,
  before: JobContext | undefined,
): string | null {
  const { envelope, delivery } = context;
  if ((payload as { shape: number }).shape !== known)
    return `payload ${JSON.stringify(payload)} in a worker of version ${known}`;
  if (envelope.meta?.tenant_id !== job.tenant) return `tenant ${envelope.meta?.tenant_id}`;
  if (context.queue !== (job.queue ?? "jobs")) return `queue ${context.queue}`;
  if (envelope.priority !== job.priority) return `priority ${envelope.priority}`;
  if ((delivery.signature !== null) !== (job.signed === true)) return `signature ${JSON.stringify(delivery.signature)}`;
  if (delivery.signature !== null) {
    const { timestamp, value } = delivery.signature;
    if (!keys.verify({ id: context.id, timestamp, body: delivery.body }, value))
      return "a signature that is not of this body";
  }
  const same = before === undefined || isDeepStrictEqual(before.delivery.signature, delivery.signature);
  return same && (before?.delivery.body ?? delivery.body) === delivery.body
    ? null
    : "body or signature changed between attempts";
}

function compare(
  wanted: readonly Ending[],
  found: readonly (Ending & { queue: string })[],
  { jobs }: Scenario,
  ids: readonly string[],
): string | null {
  const byId = <T extends Ending>(one: readonly T[]): T[] =>
    one.toSorted((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
  const endings = byId(found).map(({ queue: _queue, ...ending }) => ending);
  if (!isDeepStrictEqual(endings, byId(wanted)))
    return `${JSON.stringify(endings)} where ${JSON.stringify(byId(wanted))} should be`;
  for (const queue of ["jobs", "other"]) {
    const priorities = found.filter((one) => one.queue === queue).map(({ id }) => jobs[ids.indexOf(id)]!.priority ?? 0);
    if (
      !isDeepStrictEqual(
        priorities,
        priorities.toSorted((a, b) => b - a),
      )
    )
      return `order by priority in ${queue}: ${priorities.join(", ")}`;
  }
  return null;
}
