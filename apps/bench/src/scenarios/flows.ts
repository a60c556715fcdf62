import { type BrokerName, brokers } from "../brokers/index.ts";
import { measure } from "../measure.ts";
import { median } from "../rounds.ts";
import { type Row, row, rounded } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

const MANY = 10_000;
/** What flows of `MANY` are compared with. With fewer flows of 100, the start of a flow and the idle queue before it weigh more than its members. */
const FEWER = [
  { members: 100, flows: 20 },
  { members: 1_000, flows: 5 },
] as const;
/** The most that a member of a flow of `MANY` may cost, as a multiple of one of fewer members. */
const TARGET = 1.5;

const STORES: readonly ("sqlite" | Extract<BrokerName, "bullmq" | "postgres">)[] = ["sqlite", "postgres", "bullmq"];

export const flowsScenario: Scenario = {
  name: "flows",
  title: `flows of ${MANY.toLocaleString("en-US")} members before one, beside flows of 100 and of 1,000: the cost of a member`,
  async run(scale) {
    const rows: Row[] = [];
    for (const store of STORES) {
      const server = store === "sqlite" ? null : await (await brokers[store]()).startServer();
      try {
        for (const fewer of FEWER) rows.push(await fanIn(store, server?.url ?? "", fewer, scale));
      } finally {
        await server?.stop();
      }
    }
    return rows;
  },
};

/** Pairs in alternating order. The ratio is the median of the pairs: load falls on both of a pair. */
async function fanIn(backend: string, url: string, fewer: (typeof FEWER)[number], scale: Scale): Promise<Row> {
  const costs = { many: [] as number[], few: [] as number[], ratio: [] as number[] };
  const many = async (): Promise<number> =>
    (await measure("flows", { url, members: scaled(MANY, scale), flows: 1 })).cost;
  const few = async (): Promise<number> =>
    (await measure("flows", { url, members: fewer.members, flows: Math.max(2, Math.round(fewer.flows * scale.share)) }))
      .cost;
  for (let round = 0; round < scale.rounds; round += 1) {
    const first = await (round % 2 === 0 ? many() : few());
    const second = await (round % 2 === 0 ? few() : many());
    const [ours, theirs] = round % 2 === 0 ? [first, second] : [second, first];
    costs.many.push(ours);
    costs.few.push(theirs);
    costs.ratio.push(ours / theirs);
  }
  const common = {
    backend,
    metric: "flow_member",
    concurrency: 50,
    unit: "us",
    peer: `flows of ${fewer.members}`,
  } as const;
  const measured = { ours: rounded(median(costs.many)), theirs: rounded(median(costs.few)), target: TARGET };
  return { ...row({ ...common, ...measured }), ratio: rounded(median(costs.ratio)) };
}
