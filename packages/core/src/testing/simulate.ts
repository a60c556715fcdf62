import type { JobDefinition } from "../define-job.ts";
import { newId, serialiseEnvelope } from "../envelope/index.ts";
import { execute } from "../execute.ts";
import type { Outcome } from "../outcome.ts";
import { argsOf } from "../payload.ts";
import { createRegistry } from "../registry.ts";
import { type CrashPoint, worldOfProcess } from "./crash-points.ts";
import { below, randomOf } from "./random.ts";
import { toError } from "../thrown.ts";

/** A job, the world its handler changes, and what must be true of that world in the end. */
export interface Simulation<World extends object, Input, Output> {
  /**
   * What outlives a process: a database, a mail server, as far as the handler uses them, fresh for each case. Each
   * call of a method of it, or of an object it holds, is a place to die.
   */
  readonly world: () => World;
  /** The job as a process that sees this world would run it: `handlerFor(sendReceipt, …)`. */
  readonly job: (world: World) => JobDefinition<Input, Output>;
  readonly payload: NoInfer<Input>;
  /** Throws when the world is not as it must be, once the job has ended for good. */
  readonly check: (world: World, end: Outcome) => void | Promise<void>;
  /** Random cases, after every single crash has been tried. Default 200. */
  readonly cases?: number;
  /** Replays one random case: the number that a failure named. */
  readonly seed?: number;
}

/** What a simulation did, for the curious. */
export interface SimulationReport {
  /** Runs of the job to its end, each in a world of its own. */
  readonly cases: number;
  /** Processes that died in them. */
  readonly crashes: number;
  /** Second deliveries of a job whose first still ran or was done. */
  readonly duplicates: number;
}

/** How each delivery of one case goes. */
interface Plan {
  readonly name: string;
  /** By delivery; what is beyond the end runs undisturbed. */
  readonly crashes: readonly (CrashPoint | null)[];
  /** A delivery whose end never reached the queue: the job comes once more although it was done. */
  readonly unsettled: boolean;
  /** Two processes have the job at once, as after a lease that ran out. */
  readonly twice: boolean;
  /** Turns of the event loop that a promised answer is late; by it two deliveries meet in many ways. */
  readonly pause: () => number;
}

const MOST_DELIVERIES = 40;

/**
 * Does to a job what a queue may. Its process dies before or after any call, its end is not heard, it is delivered
 * twice at once. Every single crash is tried first, then random combinations. Throws the first failure of `check`,
 * with the case, and the seed that replays it.
 */
export async function simulateCrashes<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
): Promise<SimulationReport> {
  const { cases = 200, seed } = simulation;
  const report = { cases: 0, crashes: 0, duplicates: 0 };
  if (seed !== undefined) {
    await runCase(simulation, randomPlan(seed, await countCalls(simulation)), report);
    return report;
  }
  const calls = await countCalls(simulation);
  for (const plan of singleCrashes(calls)) await runCase(simulation, plan, report);
  for (let at = 1; at <= cases; at++) await runCase(simulation, randomPlan(at, calls), report);
  return report;
}

function* singleCrashes(calls: number): Generator<Plan> {
  const plain = { crashes: [], unsettled: false, twice: false, pause: () => 0 };
  yield { ...plain, name: "no crash" };
  for (let call = 0; call < calls; call++) {
    for (const when of ["before", "after"] as const) {
      yield { ...plain, name: `a crash ${when} call ${call}`, crashes: [{ call, when }] };
    }
  }
  yield { ...plain, name: "an end that was not heard", unsettled: true };
  yield { ...plain, name: "two deliveries at once", twice: true };
}

function randomPlan(seed: number, calls: number): Plan {
  const random = randomOf(seed);
  const crashes = Array.from({ length: below(random, 4) }, () =>
    calls === 0 || random() < 0.2
      ? null
      : { call: below(random, calls), when: random() < 0.5 ? ("before" as const) : ("after" as const) },
  );
  return {
    name: `seed ${seed}`,
    crashes,
    unsettled: random() < 0.3,
    twice: random() < 0.3,
    pause: () => below(random, 4),
  };
}

/** Calls of an undisturbed run: where there is something to crash. */
async function countCalls<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
): Promise<number> {
  const { seen, trace } = worldOfProcess(simulation.world(), null);
  const job = simulation.job(seen);
  await execute(delivery(bodyOf(job, simulation.payload), 1, 0, 0), createRegistry([job]));
  return trace.calls.length;
}

async function runCase<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
  plan: Plan,
  report: { cases: number; crashes: number; duplicates: number },
): Promise<void> {
  report.cases += 1;
  const world = simulation.world();
  const body = bodyOf(simulation.job(world), simulation.payload);
  const places: string[] = [];
  let [attempt, lost, releases, isUnsettled] = [1, 0, 0, plan.unsettled];

  /** One process takes the job. Null: it died. */
  async function deliver(point: CrashPoint | null): Promise<Outcome | null> {
    const { seen, trace } = worldOfProcess(world, point, plan.pause);
    const registry = createRegistry([simulation.job(seen)]);
    const ended = execute(delivery(body, attempt, lost, releases), registry);
    const outcome = await Promise.race([ended, trace.death.then(() => null)]);
    if (trace.diedAt === null) return outcome;
    places.push(trace.diedAt);
    return null;
  }

  for (let at = 0; at < MOST_DELIVERIES; at++) {
    const point = plan.crashes[at] ?? null;
    const together = plan.twice && at === 0 ? [deliver(null), deliver(point)] : [deliver(point)];
    report.duplicates += together.length - 1;
    const outcome = (await Promise.all(together)).at(-1) ?? null;
    if (outcome === null) {
      report.crashes += 1;
      lost += 1;
    } else if (outcome.kind === "retry") attempt += 1;
    else if (outcome.kind === "release") releases += 1;
    else if (isUnsettled && outcome.kind === "completed") {
      isUnsettled = false;
      lost += 1;
      report.duplicates += 1;
    } else {
      const died = places.length > 0 ? `, died ${places.join(", then ")}` : "";
      return checked(simulation, world, outcome, `${plan.name}${died}`);
    }
  }
  throw new Error(`${plan.name}: the job had not ended after ${MOST_DELIVERIES} deliveries`);
}

async function checked<World extends object, Input, Output>(
  { check }: Simulation<World, Input, Output>,
  world: World,
  end: Outcome,
  name: string,
): Promise<void> {
  try {
    await check(world, end);
  } catch (thrown) {
    const { message } = toError(thrown);
    const replay = /^seed (\d+)/.exec(name)?.[1];
    const wayBack = replay === undefined ? "" : `; replay it alone with { seed: ${replay} }`;
    throw new Error(`after ${name}: ${message}${wayBack}`, { cause: thrown });
  }
}

const delivery = (body: string, attempt: number, lost: number, releases: number) =>
  ({ body, attempt, lost, releases, dueAt: null, signature: null, label: null, worker: "simulation" }) as const;

function bodyOf(job: JobDefinition<never, never> | JobDefinition<unknown, unknown>, payload: unknown): string {
  return serialiseEnvelope({ spec: "waybill/1", id: newId(), type: job.type, args: argsOf(job, payload) });
}
