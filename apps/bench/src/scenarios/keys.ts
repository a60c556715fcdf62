import { type BrokerName, brokers } from "../brokers/index.ts";
import { measure } from "../measure.ts";
import { interleave } from "../rounds.ts";
import { type Row, row } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

const WIDTH = 50;

interface Comparison {
  readonly metric: string;
  readonly verb: "enqueue" | "process";
  readonly jobs: number;
  /** The side with a key. */
  readonly ours: string;
  /** What the same side without a key is multiplied by, at least. */
  readonly target: number;
  /** By backend: peers that have the like. */
  readonly peers: Readonly<Partial<Record<Store, readonly string[]>>>;
}

type Store = "sqlite" | Extract<BrokerName, "bullmq" | "postgres">;

const STORES: readonly Store[] = ["sqlite", "bullmq", "postgres"];

const COMPARISONS: readonly Comparison[] = [
  {
    metric: "enqueue_unique",
    verb: "enqueue",
    jobs: 10_000,
    ours: "waybill, unique",
    target: 0.8,
    peers: {
      bullmq: ["raw bullmq, deduplication"],
      postgres: ["pg-boss, singletonKey", "graphile-worker, jobKey"],
    },
  },
  {
    metric: "process_key_limit",
    verb: "process",
    jobs: 10_000,
    ours: "waybill, key limit",
    target: 0.6,
    peers: { postgres: ["graphile-worker, queueName"] },
  },
];

export const keysScenario: Scenario = {
  name: "keys",
  title: "unique keys at enqueue and a concurrency of 1 by key, beside the same without and beside other libraries",
  async run(scale) {
    const rows: Row[] = [];
    for (const store of STORES) {
      const server = store === "sqlite" ? null : await (await brokers[store]()).startServer();
      try {
        const url = server?.url ?? "";
        for (const comparison of COMPARISONS) rows.push(...(await compared(store, url, comparison, scale)));
        if (store !== "bullmq") rows.push(await blockedRow(store, url, scale));
      } finally {
        await server?.stop();
      }
    }
    return rows;
  },
};

/** Each side once a round, in turn. The row beside "waybill" is what a key costs. */
async function compared(backend: Store, url: string, comparison: Comparison, scale: Scale): Promise<Row[]> {
  const { metric, verb, ours, target, peers } = comparison;
  const jobs = scaled(comparison.jobs, scale);
  const others = ["waybill", ...(peers[backend] ?? [])];
  const speed = (side: string) => async (): Promise<number> =>
    (await measure("broker", { broker: backend, url, side, verb, jobs, width: WIDTH })).value;
  const speeds = await interleave(
    scale.rounds,
    Object.fromEntries([ours, ...others].map((side) => [side, speed(side)])),
  );
  return others.map((peer) =>
    row({
      backend,
      metric,
      concurrency: WIDTH,
      peer: peer === "waybill" ? "without a key" : peer,
      unit: "jobs/s",
      ours: speeds[ours] ?? Number.NaN,
      theirs: speeds[peer] ?? Number.NaN,
      ...(peer === "waybill" && { target }),
    }),
  );
}

const FEW = 1_000;
const MANY = 100_000;

/** The time of a lease beside a full key that blocks many jobs, and beside one that blocks few. */
async function blockedRow(backend: Store, url: string, scale: Scale): Promise<Row> {
  const leases = 200;
  const { many, few } = await interleave(scale.rounds, {
    many: () => measure("blocked", { url, blocked: scaled(MANY, scale), leases }),
    few: () => measure("blocked", { url, blocked: scaled(FEW, scale), leases }),
  });
  return row({
    backend,
    metric: `lease_beside_${MANY.toLocaleString("en-US")}_blocked`,
    concurrency: 1,
    peer: `${FEW.toLocaleString("en-US")} blocked`,
    unit: "ms",
    ours: many,
    theirs: few,
    target: 1.2,
  });
}
