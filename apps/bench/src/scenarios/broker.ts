import type { Broker } from "../brokers/broker.ts";
import { type BrokerName, brokers } from "../brokers/index.ts";
import { measure } from "../measure.ts";
import type { BrokerInput, BrokerResult } from "../measurements/broker.ts";
import { median } from "../rounds.ts";
import { type Row, row, rounded } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

const IN_FLIGHT = 50;
const CONCURRENCIES = [1, 10, 50, 100] as const;
/** Resources are shown where speeds are usually compared. */
const SHOWN = 50;
const BACKLOG = 100_000;
const OF_BACKLOG = 5_000;

/** One broker: us beside each peer on one server, in turn. */
export function brokerScenario(name: BrokerName): Scenario {
  return {
    name,
    title: `${name}: enqueue with ${IN_FLIGHT} in flight, process at ${CONCURRENCIES.join(", ")}, beside other libraries`,
    async run(scale) {
      const broker = await brokers[name]();
      const server = await broker.startServer();
      for (const fact of broker.facts) process.stdout.write(`  ${fact}\n`);
      try {
        return await rowsOf(name, broker, server.url, scale);
      } finally {
        await server.stop();
      }
    },
  };
}

type Ask = Omit<BrokerInput, "directory" | "broker" | "url">;

async function rowsOf(name: BrokerName, broker: Broker, url: string, scale: Scale): Promise<Row[]> {
  const ask = (input: Ask): Promise<BrokerResult> => measure("broker", { broker: name, url, ...input });
  const jobs = { enqueue: scaled(broker.jobs.enqueue, scale), process: scaled(broker.jobs.process, scale) };
  const rows = await compared(broker, "enqueue", { ask, jobs: jobs.enqueue, width: IN_FLIGHT, rounds: scale.rounds });
  for (const width of CONCURRENCIES) {
    // One at a time is as slow as the way there and back; a share of the jobs shows it.
    const share = width === 1 ? Math.max(200, Math.round(jobs.process / 10)) : jobs.process;
    rows.push(...(await compared(broker, "process", { ask, jobs: share, width, rounds: scale.rounds })));
  }
  return [...rows, ...(await latencyRows(broker, ask, scale)), await backlogRow(broker, ask, scale)];
}

interface Round {
  readonly ask: (input: Ask) => Promise<BrokerResult>;
  readonly jobs: number;
  readonly width: number;
  readonly rounds: number;
}

/** Every side once a round, in turn; odd rounds go backwards. */
async function compared(broker: Broker, verb: "enqueue" | "process", round: Round): Promise<Row[]> {
  const { ask, jobs, width, rounds } = round;
  const sides = ["waybill", ...broker.targets[verb].map(({ peer }) => peer)];
  const results = new Map<string, BrokerResult[]>(sides.map((side) => [side, []]));
  for (let at = 0; at < rounds; at++) {
    for (const side of at % 2 === 0 ? sides : sides.toReversed()) {
      results.get(side)?.push(await ask({ side, verb, jobs, width }));
    }
  }
  const middle = (side: string, what: "value" | "cpu" | "peak"): number =>
    rounded(median((results.get(side) ?? []).map((result) => result[what])));
  return broker.targets[verb].flatMap(({ peer, factor }) => {
    const common = { backend: broker.name, concurrency: width, peer } as const;
    const against = (what: "value" | "cpu" | "peak") => ({ ours: middle("waybill", what), theirs: middle(peer, what) });
    const speed = row({ ...common, metric: verb, unit: "jobs/s", target: factor, ...against("value") });
    if (width !== SHOWN) return [speed];
    return [
      speed,
      row({ ...common, metric: `${verb}_cpu`, unit: "s", ...against("cpu") }),
      row({ ...common, metric: `${verb}_peak`, unit: "MiB", ...against("peak") }),
    ];
  });
}

/** Budgets of this project for an idle queue; a poll over HTTP may take longer. */
async function latencyRows(broker: Broker, ask: Round["ask"], scale: Scale): Promise<Row[]> {
  const jobs = Math.max(5, Math.round(100 * scale.share));
  const { value, p99 } = await ask({ side: "waybill", verb: "latency", jobs, width: 1 });
  const common = { backend: broker.name, concurrency: 1, peer: "budget", unit: "ms" } as const;
  const p50Budget = broker.name === "sqs" ? 20 : 5;
  return [
    row({ ...common, metric: "latency_p50", ours: rounded(value), theirs: p50Budget }),
    ...(broker.name === "sqs" ? [] : [row({ ...common, metric: "latency_p99", ours: rounded(p99), theirs: 25 })]),
  ];
}

/** The first jobs of a long line, against the same from a short one. */
async function backlogRow(broker: Broker, ask: Round["ask"], scale: Scale): Promise<Row> {
  const jobs = scaled(OF_BACKLOG, scale);
  const speeds = { long: [] as number[], short: [] as number[] };
  for (let at = 0; at < scale.rounds; at++) {
    const input = { side: "waybill", verb: "process", jobs, width: SHOWN } as const;
    speeds.short.push((await ask(input)).value);
    speeds.long.push((await ask({ ...input, backlog: scaled(BACKLOG, scale) })).value);
  }
  return row({
    backend: broker.name,
    metric: `process_of_${BACKLOG.toLocaleString("en-US")}_waiting`,
    concurrency: SHOWN,
    peer: `${OF_BACKLOG.toLocaleString("en-US")} waiting`,
    unit: "jobs/s",
    ours: rounded(median(speeds.long)),
    theirs: rounded(median(speeds.short)),
    target: 0.8,
  });
}
