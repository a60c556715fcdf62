import { join } from "node:path";
import { defineJob, handlerFor } from "@waybill/core";
import { open } from "../open.ts";
import { verify } from "../verify.ts";

export interface FlowsInput {
  readonly directory: string;
  /** "": a SQLite file in the directory. */
  readonly url: string;
  /** Members before the last one of each flow. */
  readonly members: number;
  /** Flows, one after the other. */
  readonly flows: number;
}

export interface FlowsResult {
  /** Microseconds for one member, from the call of `start` to the end of the flow. */
  readonly cost: number;
}

const CONCURRENCY = 50;

/** Flows of members that wait for nothing, and one that comes after all of them. A first flow of 100 warms up. */
export async function flows({ directory, url, members, flows: count }: FlowsInput): Promise<FlowsResult> {
  const jobs = await open(url || `sqlite:${join(directory, "waybill.db")}`, "off");
  const queue = `b${Math.random().toString(36).slice(2, 10)}`;
  const member = defineJob({ type: "bench.member", queue });
  const last = defineJob({ type: "bench.last", queue });
  let [ran, ranLast] = [0, 0];
  const handlers = [handlerFor(member, () => void (ran += 1)), handlerFor(last, () => void (ranLast += 1))];
  const worker = jobs.worker({ jobs: handlers, concurrency: CONCURRENCY });
  await worker.start();

  async function fanIn(width: number): Promise<void> {
    const flow = jobs.flow("fan-in");
    const before = Array.from({ length: width }, (_, at) => flow.add(member, { at }));
    flow.add(last, {}, { after: before });
    const ended = new Promise<string>((resolve) => {
      const off = jobs.events.on("flow_ended", ({ state }) => (off(), resolve(state)));
    });
    await flow.start();
    if ((await ended) !== "completed") throw new Error("a flow has not completed; the measurement is void");
  }

  await fanIn(100);
  [ran, ranLast] = [0, 0];
  const startedAt = performance.now();
  for (let done = 0; done < count; done += 1) await fanIn(members);
  const cost = ((performance.now() - startedAt) * 1_000) / (count * members);
  verify("members run", ran, count * members);
  verify("last members run", ranLast, count);
  await worker.stop();
  await jobs.close();
  return { cost };
}
