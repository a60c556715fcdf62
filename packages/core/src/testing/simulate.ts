import type { JobDefinition } from "../job/job-definition.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import { newId, serialiseEnvelope } from "../envelope/index.ts";
import { execute } from "../execution/execute.ts";
import type { Outcome } from "../job/outcome.ts";
import { RunHandle } from "../job/run-handle.ts";
import { argsOf } from "../job/payload.ts";
import { createHandlerRegistry } from "../execution/handler-registry.ts";
import { type CrashPoint, worldOfProcess } from "./crash-points.ts";
import { below, randomOf } from "./random.ts";
import { toError } from "../values/thrown.ts";

/** A job, the world that its handler changes, and a check of that world at the end. */
export interface Simulation<World extends object, Input, Output> {
  /**
   * Makes the part of the world that outlives a process, such as a database or a mail server, as far as the handler uses
   * it. Called for each case. The process may die at each call of a method of it, or of an object in it.
   */
  readonly world: () => World;
  /** Returns the job with a handler that uses this world: `handlerFor(sendReceipt, …)`. */
  readonly job: (world: World) => JobDefinition<Input, Output>;
  readonly payload: NoInfer<Input>;
  /** Called once the job has ended. Throws if the world is wrong. */
  readonly check: (world: World, end: Outcome) => void | Promise<void>;
  /** Number of random cases, which follow the cases with one crash each. Default 200. */
  readonly cases?: number | undefined;
  /** Replays one random case, by the number in the message of its failure. */
  readonly seed?: number | undefined;
}

/** Counts of one simulation. */
export interface SimulationReport {
  /** Cases: the job ran to its end, each time in a new world. */
  readonly cases: number;
  /** Processes that died. */
  readonly crashes: number;
  /** Deliveries of a job that was still running or had completed. */
  readonly duplicates: number;
}

/** The plan of one case. */
interface Plan {
  readonly name: string;
  /** The crash of each delivery. Null, and beyond the end of the list: no crash. */
  readonly crashes: readonly (CrashPoint | null)[];
  /** True: the settle of a completed delivery is lost, so the job is delivered once more. */
  readonly unsettled: boolean;
  /** True: two processes run the job at the same time, as after an expired lease. */
  readonly twice: boolean;
  /** Returns how many turns of the event loop a promised result is delayed, so that two deliveries interleave differently. */
  readonly pause: () => number;
}

const MOST_DELIVERIES = 40;

/**
 * Runs a job under the failures that a queue allows: its process dies before or after any call, its settle is lost, it is
 * delivered twice at the same time. Tries each single crash first, then random combinations. Rejects with the first failure
 * of `check`, the case, and the seed that replays it, and `CONFIG_INVALID` for an option that cannot work.
 */
export async function simulateCrashes<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
): Promise<SimulationReport> {
  checkSimulation(simulation);
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

const MEMBERS: OptionNames<Simulation<object, unknown, unknown>> = {
  world: true,
  job: true,
  payload: true,
  check: true,
  cases: true,
  seed: true,
};

function checkSimulation(given: object): void {
  assertKnownOptions(given, MEMBERS, "the options of simulateCrashes");
  const simulation = given as Readonly<Record<keyof typeof MEMBERS, unknown>>;
  for (const name of ["world", "job", "check"] as const) {
    if (typeof simulation[name] === "function") continue;
    throw refuse(`${name} of simulateCrashes is ${describeValue(simulation[name])}: pass a function`);
  }
  for (const name of ["cases", "seed"] as const) {
    const value = simulation[name];
    if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) continue;
    throw refuse(`${name} of simulateCrashes is ${describeValue(value)}: a whole number from 0`);
  }
}

const refuse = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);

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

/** Returns the number of calls of a run without crashes. */
async function countCalls<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
): Promise<number> {
  const { seen, trace } = worldOfProcess(simulation.world(), null);
  const job = simulation.job(seen);
  await execute(delivery(await bodyOf(job, simulation.payload), 1, 0, 0), createHandlerRegistry([job]));
  return trace.calls.length;
}

async function runCase<World extends object, Input, Output>(
  simulation: Simulation<World, Input, Output>,
  plan: Plan,
  report: { cases: number; crashes: number; duplicates: number },
): Promise<void> {
  report.cases += 1;
  const world = simulation.world();
  const body = await bodyOf(simulation.job(world), simulation.payload);
  const deaths: string[] = [];
  let [attempt, lost, releases, isUnsettled] = [1, 0, 0, plan.unsettled];

  /** Runs one delivery in a new process. Returns null if the process died. */
  async function deliver(point: CrashPoint | null): Promise<Outcome | null> {
    const { seen, trace } = worldOfProcess(world, point, plan.pause);
    const registry = createHandlerRegistry([simulation.job(seen)]);
    const handle = new RunHandle();
    const ended = execute({ ...delivery(body, attempt, lost, releases), handle }, registry);
    const outcome = await Promise.race([ended, trace.death.then(() => null)]);
    if (trace.diedAt === null) return outcome;
    deaths.push(trace.diedAt);
    // Its handler never ends. Without this, the timer of its timeout would keep the process of the test alive.
    handle.cancel(new WaybillError("SHUTDOWN", `the simulated process died ${trace.diedAt}`), 0);
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
      const died = deaths.length > 0 ? `, died ${deaths.join(", then ")}` : "";
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

async function bodyOf(
  job: JobDefinition<never, never> | JobDefinition<unknown, unknown>,
  payload: unknown,
): Promise<string> {
  return serialiseEnvelope({ spec: "waybill/1", id: newId(), type: job.type, args: await argsOf(job, payload) });
}
