import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectOptions, defineJob, type Jobs, type Requirement } from "@waybill/core";
import { testJobs, type BackendName } from "@waybill/core/testing";
import { serviceUrl } from "@waybill/test-servers";
import { describe, expect, test } from "vitest";
import { likenesses } from "../packages/core/src/testing/likeness.ts";

const own = `like-${process.pid}`;
const withParameter = (url: string, text: string): string => `${url}${url.includes("?") ? "&" : "?"}${text}`;

/** The real one on its real server, at a place of its own. */
const urls: Readonly<Record<BackendName, () => Promise<string>>> = {
  sqlite: async () => `sqlite:${join(tmpdir(), `${own}.db`)}`,
  postgres: async () => withParameter(await serviceUrl("postgres"), `schema=${own.replaceAll("-", "_")}`),
  bullmq: async () => withParameter(await serviceUrl("redis"), `prefix=${own}`),
  rabbitmq: async () => withParameter(await serviceUrl("rabbitmq"), `prefix=${own}`),
  sqs: async () => (await serviceUrl("sqs")).replace(/^(sqs:\/\/[^/?]+)\/?/, `$1/${own}`),
};
const names = Object.keys(urls) as BackendName[];

const greet = defineJob({ type: "greet", handler: () => {} });
const requirements: readonly Requirement[] = [
  "delivery:pull",
  "delivery:push",
  "lease",
  "delay",
  "priority",
  "ordering:fifo",
  "unique_ids",
  "durable",
];

type Opens = (options: ConnectOptions) => Promise<Jobs>;

/** What a program may try, each with how it ends on the real backend and in test jobs alike. */
const tries: Readonly<Record<string, (jobs: Jobs, opens: Opens) => Promise<unknown>>> = {
  "a delay of 20 minutes": (jobs) => jobs.enqueue(greet, {}, { delay: "20m" }),
  "a delay of 60 days": (jobs) => jobs.enqueue(greet, {}, { delay: "60d" }),
  "a delay of 2,000 years": (jobs) => jobs.enqueue(greet, {}, { delay: 2_000 * 365 * 86_400_000 }),
  "a priority": (jobs) => jobs.enqueue(greet, {}, { priority: 5 }),
  "800,000 bytes": (jobs) => jobs.enqueue(greet, "x".repeat(800_000)),
  "a job in a transaction that is none": (jobs) => jobs.enqueueIn("no transaction", greet, {}),
  "a list of the workers": (jobs) => jobs.workers(),
  "a worker with a timeout of 13 h": async (jobs) =>
    jobs.worker({ jobs: [defineJob({ type: "long", timeout: "13h", handler: () => {} })] }),
  "a worker with a lease of 13 h": async (jobs) => jobs.worker({ jobs: [greet], lease: "13h" }),
  "a worker with a limit for a type": async (jobs) => jobs.worker({ jobs: [greet], typeConcurrency: { greet: 1 } }),
  ...Object.fromEntries(
    requirements.map((one) => [
      `require "${one}"`,
      async (_jobs: Jobs, opens: Opens) => (await opens({ require: [one] })).close(),
    ]),
  ),
};

/** "ok", or the code of the refusal and its words without the backend's own name. */
async function endsOf(opens: Opens): Promise<Record<string, string>> {
  const jobs = await opens({ maxBodyBytes: 1_048_576 });
  const ends: Record<string, string> = {};
  try {
    for (const [what, tried] of Object.entries(tries)) {
      ends[what] = await tried(jobs, opens).then(
        () => "ok",
        ({ code, message }: { code: string; message: string }) =>
          // A handle that is none is refused in each backend's own words.
          what.includes("transaction") ? code : `${code}: ${plainly(message, jobs.backend.address)}`,
      );
    }
  } finally {
    await jobs.close();
  }
  return ends;
}

const plainly = (message: string, address: string): string =>
  message.replaceAll(address, "ADDRESS").replaceAll(/job "[0-9a-f-]{36}"/g, 'job "ID"');

// The first that names a server starts it.
describe.each(names)("test jobs like %s", { timeout: 180_000 }, (like) => {
  test("have the capabilities that the real one tells once it is connected", async () => {
    const jobs = await connect(await urls[like](), { log: "off" });
    const { capabilities } = jobs.backend;
    await jobs.close();
    expect(likenesses[like].capabilities).toEqual(capabilities);
  });

  test("refuse what the real one refuses, in the same words", async () => {
    const url = await urls[like]();
    const real = await endsOf((options) => connect(url, { jobs: [greet], log: "off", ...options }));
    const kit = await endsOf((options) => testJobs({ ...options, jobs: [greet], like }));
    expect(kit).toEqual(real);
    expect(Object.values(real)).toContain("ok");
  });
});
