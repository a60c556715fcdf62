import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { derivedId, type Jobs, type StoredFlow } from "@waybill/core";
import { expectedStates, flowStep, idOf, places } from "../../flows/shape.ts";
import type { StepLine } from "../../flows/worker.ts";
import type { Running } from "../../process.ts";
import { readLines } from "../../record.ts";
import { timesMoreThanOnce } from "../frame/ledger.ts";
import { everywhere, type Scenario } from "../frame/scenario.ts";

const killsOf = (isFull: boolean): number => (isFull ? 50 : 3);
const SLOTS = 10;

export const killedFlows: Scenario = {
  name: "flows under kills",
  promise:
    "When workers and the producer are killed at random points of many flows, each flow ends as it must, and nothing runs before its time.",
  rows: [],
  on: everywhere,
  cut: ["sqlite"],
  duplicates: {
    most: (size) => killsOf(size === "full") * SLOTS * 2,
    why: "what had ended and was not stored when its worker was killed runs again",
  },
  load: "works",
  server: "shared",
  async run({ freshStore, connected, started, pick, random, target }) {
    const kills = pick(killsOf(false), killsOf(true));
    const count = pick(4, target.name === "sqlite" ? 200 : 50);
    const limitMs = pick(120_000, 900_000);
    const most = pick(1, 3);
    const store = await freshStore();
    const record = join(store.folder, "steps");
    // The brokers keep no records: they borrow a ledger.
    const ledger = target.keepsWorkerRegistry ? "" : `sqlite:${join(store.folder, "ledger.db")}`;
    const jobs = await connected(store.url, { jobs: [flowStep], ...(ledger !== "" && { ledger }) });
    const everyWorker: Running[] = [];
    const startWorker = (): Running => {
      const worker = started("flows/worker", store.url, record, ledger);
      everyWorker.push(worker);
      return worker;
    };
    const startProducer = (): Running => started("flows/producer", store.url, String(count), ledger);
    const isBegun = ({ lines }: Running): boolean => lines.some(({ event }) => event === "booted" || event === "begun");
    const killed = new Set<number>();
    let producer = startProducer();
    const workers = Array.from({ length: most }, startWorker);
    for (let kill = 0; kill < kills; kill += 1) {
      const at = kill % most;
      const isProducer = kill % 3 === 1;
      const victim = isProducer ? producer : (workers[at] as Running);
      // One that has not begun proves nothing.
      for (let waited = 0; !isBegun(victim) && waited < 30_000; waited += 10) await sleep(10);
      await sleep(random() * 400);
      killed.add(victim.pid);
      victim.kill("SIGKILL");
      if (isProducer) producer = startProducer();
      else workers[at] = startWorker();
    }
    await producer.ended;
    const flows = await endOf(jobs, count, limitMs);
    // Not killed: what they have yet to say of a lease that they lost is needed.
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(workers.map((worker) => worker.ended));

    const steps = readLines(record).map((line) => JSON.parse(line) as StepLine);
    const ends = steps.flatMap(({ what, id }) => (what === "end" ? [id] : []));
    const starved = new Set(
      everyWorker.flatMap(({ lines }) =>
        lines.flatMap(({ event, id }) => (event === "lease_lost" ? [String(id)] : [])),
      ),
    );
    return {
      accepted: count,
      lost: flows.flatMap((flow, number) => (flow?.endedAt == null ? [`flow ${number}`] : [])),
      duplicated: timesMoreThanOnce(ends.filter((id) => !starved.has(id))),
      violations: [
        ...wrongFlows(flows),
        ...wrongStarts(steps, target.uniqueIds, (pid, id) => killed.has(pid) || starved.has(id)),
      ],
    };
  },
};

/** Waits until each flow has ended. */
async function endOf(jobs: Jobs, count: number, limitMs: number): Promise<(StoredFlow | null)[]> {
  const flows: (StoredFlow | null)[] = [];
  const until = performance.now() + limitMs;
  while (flows.length < count) {
    const flow = await jobs.flows.get(derivedId(idOf(flows.length)));
    if ((flow !== null && flow.endedAt !== null) || performance.now() > until) flows.push(flow);
    else await sleep(100);
  }
  return flows;
}

const wrongFlows = (flows: readonly (StoredFlow | null)[]): string[] =>
  flows.flatMap((flow, number) => {
    const states = expectedStates(number);
    const state = states.every((one) => one === "completed") ? "completed" : "failed";
    const isRight = flow?.state === state && flow.members.every((member, at) => member.state === states[at]);
    const found = flow?.members.map((member) => member.state).join();
    return isRight ? [] : [`flow ${number} is ${flow?.state}, not ${state}: ${found}`];
  });

/** Members that ran before one of those that they follow, or again without a reason. */
function wrongStarts(
  steps: readonly StepLine[],
  uniqueIds: boolean,
  mayRepeat: (pid: number, id: string) => boolean,
): string[] {
  const wrong: string[] = [];
  const ended = new Set<string>();
  const lastPid = new Map<string, number>();
  for (const { what, flow, at, id, pid } of steps) {
    if (what === "end") {
      ended.add(`${flow}/${at}`);
      continue;
    }
    const early = places[at]?.after.filter(
      (before) => !ended.has(`${flow}/${before}`) && expectedStates(flow)[before] !== "dependency_dead",
    );
    if (early?.length !== 0) wrong.push(`member ${at} of flow ${flow} ran before ${early?.join(", ")}`);
    const before = lastPid.get(id);
    // A member runs again only when its worker was killed, or has lost its lease, before the end was stored.
    if (before !== undefined && uniqueIds && !mayRepeat(before, id))
      wrong.push(`member ${at} of flow ${flow} ran again after its worker ${before}, which lives`);
    lastPid.set(id, pid);
  }
  return wrong;
}
