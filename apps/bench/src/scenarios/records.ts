import type { Broker } from "../brokers/broker.ts";
import { type BrokerName, brokers } from "../brokers/index.ts";
import { measure } from "../measure.ts";
import type { BrokerResult } from "../measurements/broker.ts";
import { median } from "../rounds.ts";
import { type Row, row, rounded } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

const WIDTH = 50;
/** Long enough that records are written several times while the clock runs. What waits at the end is written on the clock. */
const JOBS = { enqueue: 100_000, process: 100_000 } as const;
const TARGET = 0.75;

type Store = "sqlite" | Extract<BrokerName, "bullmq" | "postgres">;
type Server = Awaited<ReturnType<Broker["startServer"]>>;
type Verb = keyof typeof JOBS;

const STORES: readonly Store[] = ["sqlite", "postgres", "bullmq"];

export const recordsScenario: Scenario = {
  name: "records",
  title: `records of jobs, beside the same without: enqueue with ${WIDTH} in flight and process at ${WIDTH}`,
  async run(scale) {
    const rows: Row[] = [];
    for (const store of STORES) {
      const server = store === "sqlite" ? null : await (await brokers[store]()).startServer();
      try {
        for (const verb of ["enqueue", "process"] as const) rows.push(...(await compared(store, server, verb, scale)));
      } finally {
        await server?.stop();
      }
    }
    return rows;
  },
};

/** Pairs, one after the other, in alternating order. The ratio of speeds is the median of the pairs: load falls on both of a pair. */
async function compared(backend: Store, server: Server | null, verb: Verb, scale: Scale): Promise<Row[]> {
  const jobs = scaled(JOBS[verb], scale);
  const at =
    server === null ? { url: "" } : { url: server.url, ...(server.pid !== undefined && { serverPid: server.pid }) };
  const run = (side: string): Promise<BrokerResult> =>
    measure("broker", { broker: backend, ...at, side, verb, jobs, width: WIDTH });
  const pairs: { readonly ours: BrokerResult; readonly theirs: BrokerResult }[] = [];
  for (let round = 0; round < scale.rounds; round++) {
    const first = await run(round % 2 === 0 ? "waybill, records" : "waybill");
    const second = await run(round % 2 === 0 ? "waybill" : "waybill, records");
    pairs.push(round % 2 === 0 ? { ours: first, theirs: second } : { ours: second, theirs: first });
  }
  const common = { backend, concurrency: WIDTH, peer: "without records" } as const;
  const middle = (what: "value" | "cpu" | "serverCpu") => ({
    ours: rounded(median(pairs.map(({ ours }) => ours[what] ?? 0))),
    theirs: rounded(median(pairs.map(({ theirs }) => theirs[what] ?? 0))),
  });
  const ratio = rounded(median(pairs.map(({ ours, theirs }) => ours.value / theirs.value)));
  return [
    { ...row({ ...common, metric: `${verb}_recorded`, unit: "jobs/s", target: TARGET, ...middle("value") }), ratio },
    row({ ...common, metric: `${verb}_recorded_cpu`, unit: "s", ...middle("cpu") }),
    ...(server === null
      ? []
      : [row({ ...common, metric: `${verb}_recorded_server_cpu`, unit: "s", ...middle("serverCpu") })]),
  ];
}
