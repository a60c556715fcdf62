import {
  answers,
  completesInPostgres,
  ends,
  enqueuesInPostgres,
  greeting,
  importsOrders,
  isInvoked,
  loadsInNest,
  type PageProject,
  type Run,
  runsInAShell,
  runsInNest,
  sends,
  underNodeTest,
  underVitest,
  type Urls,
  usual,
  works,
} from "./run-kinds.ts";
import type { Change } from "./readme-lines.ts";

const withRedis = ({ redis }: Urls): Change[] => [["redis://localhost:6379", redis]];
const withPostgres = ({ postgres }: Urls): Change[] => [[usual, postgres]];
const withRabbit = ({ rabbitmq }: Urls): Change[] => [["amqp://guest:guest@127.0.0.1:5672", rabbitmq]];
/** What it enqueues is nobody's to run: it must not lie in a queue that another page works on. */
const withOwnSqs = ({ sqs }: Urls): Change[] => [
  ["sqs://eu-west-1/shop", sqs.replace(/^(sqs:\/\/[^/?]+)\/?[^?]*/, "$1/sqsd")],
];
const withSqs = ({ sqs }: Urls): Change[] => [["sqs://eu-west-1/shop", sqs]];

/** How each program of each page is run in the project that its page's install lines make. */
export const pageRuns: Readonly<Record<string, Readonly<Record<string, Run>>>> = {
  "packages/core/README.md": {
    "block-1.js": works("receipt for o_1, attempt 1"),
    "block-2.ts": ends(/^(?![\s\S]*Error)/),
    "block-3.ts": ends(/^(?![\s\S]*Error)/),
    "block-4.ts": importsOrders,
    "block-5.ts": ends(/^$/),
    "block-6.js": answers("/metrics", /^waybill_backend_up 1$/m, "9464"),
    "block-7.js": ends(/^(?![\s\S]*Error)/),
    "block-8.ts": underNodeTest,
  },
  "packages/sqlite/README.md": { "block-1.js": works("hello Ada"), "block-2.js": ends(/"enqueued"/) },
  "packages/bullmq/README.md": { "block-1.js": works("hello Ada", withRedis) },
  "packages/postgres/README.md": {
    "block-1.js": works("hello Ada", withPostgres),
    "block-2.js": enqueuesInPostgres,
    "block-3.js": completesInPostgres,
  },
  "packages/rabbitmq/README.md": { "block-1.js": works("hello Ada", withRabbit) },
  "packages/sqs/README.md": {
    "block-1.js": works("hello Ada", (urls) => [...withSqs(urls), ['"3h"', '"1s"']]),
    "block-2.js": isInvoked,
  },
  "packages/http/README.md": { "block-1.js": greeting, "block-2.ts": greeting, "block-3.ts": sends },
  "packages/http/sqsd.md": {
    "worker.js": answers("/other", /Cannot GET/, "process.env.PORT"),
    "producer.js": ends(/"enqueued"/, withOwnSqs),
    "block-3.js": ends(/waybill-signed\/1/),
  },
  "packages/dashboard/README.md": { "block-1.js": answers("/", /<title>waybill<\/title>/, "4700") },
  "packages/express/README.md": { "block-1.js": greeting },
  "packages/nest/README.md": {
    "main.ts": runsInNest,
    "support-desk.ts": loadsInNest,
    "block-4.ts": loadsInNest,
    "checkout.spec.ts": underVitest("checkout.spec.ts"),
    "rollback.spec.ts": underVitest("rollback.spec.ts"),
  },
  "packages/backend-contract/README.md": { "block-1.ts": underVitest("memory.test.ts") },
  "packages/cli/README.md": { sh: runsInAShell },
  "docs/push.md": {
    "block-1.ts": ends(/^(?![\s\S]*Error)/),
    "block-2.ts": ends(/^$/),
    "block-10.ts": ends(/^$/),
    "block-11.ts": ends(/^$/),
  },
};

/** Programs that something else runs, or that another program of their page loads. */
export const runElsewhere: Readonly<Record<string, string>> = {
  "README.md block-1.js": "packages/core/README.md has the same lines: test/readme.test.ts compares them",
  "README.md block-2.js": "packages/express/README.md has them with what to install",
  "CONTRIBUTING.md map-backend.ts": "test/minimal-backend.test.ts, by the whole suite",
  "CONTRIBUTING.md block-2.ts": "test/minimal-backend.test.ts does the same",
  "docs/control.md block-1.js": "test/control-page.process.test.ts",
  "docs/dashboard.md block-1.js": "test/control-page.process.test.ts, which asks it for its page",
  "docs/idempotency.md block-1.js": "test/control-page.process.test.ts",
  "docs/records.md block-1.js": "test/records-page.process.test.ts",
  "docs/records.md progress.mjs": "test/records-page.process.test.ts",
  "docs/ledger.md block-1.js": "test/ledger-page.process.test.ts, on PostgreSQL and an emulator of SQS",
  "docs/ledger.md block-2.js": "test/ledger-page.process.test.ts, as the one before",
  "docs/unique-jobs.md block-1.ts": "test/printed-pages.process.test.ts",
  "docs/unique-jobs.md block-2.ts": "test/printed-pages.process.test.ts, as the one before",
  "docs/unique-jobs.md block-3.ts": "test/printed-pages.process.test.ts, as the one before",
  "docs/unique-jobs.md block-4.ts": "test/printed-pages.process.test.ts, as the one before",
  "docs/why.md block-1.js": "test/control-page.process.test.ts",
  "docs/metrics.md block-1.js": "test/metrics-page.process.test.ts",
  "docs/metrics.md block-2.js": "packages/core/test/observability/baggage.test.ts does the same",
  "docs/limits.md block-1.ts": "test/printed-pages.process.test.ts",
  "docs/limits.md block-2.ts": "test/printed-pages.process.test.ts, as the one before",
  "docs/limits.md block-3.ts": "test/printed-pages.process.test.ts, as the one before",
  "docs/limits.md block-4.ts": "test/printed-pages.process.test.ts, on PostgreSQL",
  "docs/schedules.md block-1.js": "test/schedules-page.process.test.ts, on SQLite",
  "docs/schedules.md block-2.js": "test/schedules-page.process.test.ts, as the one before",
  "docs/schedules.md block-3.js": "test/schedules-page.process.test.ts, under node --test",
  "docs/results.md block-1.js": "test/flows-page.process.test.ts, on SQLite",
  "docs/flows.md block-1.js": "test/flows-page.process.test.ts, on SQLite",
  "packages/nest/README.md app.module.ts": "loaded by main.ts and checkout.spec.ts",
  "docs/push.md block-4.js": "packages/http/test/recipes/recipes.process.test.ts, pushed to in Fastify",
  "docs/push.md block-5.js": "packages/http/test/recipes/recipes.process.test.ts, pushed to in Hono",
  "docs/push.md waybill.ts": "scripts/packed/next.ts, in Next",
  "docs/push.md app/work/route.ts": "scripts/packed/next.ts, pushed to in Next",
  "docs/push.md app/jobs/[[...path]]/route.ts": "scripts/packed/next.ts, pushed to in Next",
  "docs/push.md app/actions.ts": "scripts/packed/next.ts, by a form in Next",
  "docs/push.md block-3.js": "packages/http/test/recipes/functions.process.test.ts, in the functions framework",
};

/** Runs a page's programs in the order they are printed in. */
export async function runPage(project: PageProject): Promise<void> {
  for (const [file, runs] of Object.entries(pageRuns[project.page] ?? {})) {
    await runs(project, file).catch((error: unknown) => {
      throw new Error(`${project.page}, ${file}`, { cause: error });
    });
  }
}
