import { brokerNames, brokers } from "../brokers/index.ts";
import { measure } from "../measure.ts";
import { type Row, row, rounded } from "../row.ts";
import { type Scale, type Scenario, scaled } from "./scenario.ts";

const JOBS = 1_000_000;
/** The emulator keeps every message in the memory of one process. */
const JOBS_TO_SQS = 100_000;
/** What `enqueueMany` promises of the event loop, in ms. */
const LONGEST_BLOCK_MS = 50;

export const streamScenario: Scenario = {
  name: "stream",
  title: `one enqueueMany of ${JOBS.toLocaleString("en-US")} jobs from a generator, on each backend`,
  async run(scale) {
    const rows = await streamRows("sqlite", "", scale);
    for (const name of brokerNames) {
      const server = await (await brokers[name]()).startServer();
      try {
        rows.push(...(await streamRows(name, server.url, scale)));
      } finally {
        await server.stop();
      }
    }
    return rows;
  },
};

/** Once, whatever the rounds: it is the memory and the event loop that are asked about. */
async function streamRows(backend: string, url: string, scale: Scale): Promise<Row[]> {
  const count = scaled(backend === "sqs" ? JOBS_TO_SQS : JOBS, scale);
  const { speed, rssStart, rssPeak, longestBlock, longestWork } = await measure("stream", { url, jobs: count });
  const common = { backend, concurrency: count, peer: "none", theirs: null } as const;
  return [
    row({ ...common, metric: "stream", unit: "jobs/s", ours: rounded(speed) }),
    row({ ...common, metric: "stream_rss_start", unit: "MiB", ours: rounded(rssStart) }),
    row({ ...common, metric: "stream_rss_peak", unit: "MiB", ours: rounded(rssPeak) }),
    row({ ...common, metric: "stream_longest_block", unit: "ms", ours: rounded(longestBlock) }),
    row({
      ...common,
      metric: "stream_longest_block_cpu",
      unit: "ms",
      ours: rounded(longestWork),
      peer: "budget",
      theirs: LONGEST_BLOCK_MS,
    }),
  ];
}
