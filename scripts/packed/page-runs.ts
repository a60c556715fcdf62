import {
  answers,
  completesInPostgres,
  ends,
  endsBesideOrders,
  greeting,
  importsOrders,
  isInvoked,
  loads,
  loadsInNest,
  type PageProject,
  prints,
  receipt,
  type Run,
  runsInAShell,
  runsInNest,
  sends,
  servesInAShell,
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

const withBorrowed = ({ sqs, postgres }: Urls): Change[] => [
  ["sqs://eu-west-1/shop", sqs],
  ["postgres://shop:secret@db.internal/shop", postgres],
];

let places = 0;
/** Another place for each run: of the three jobs that such a page enqueues, one is due when another program is run. */
const place = (): string => `place${(places += 1)}`;
const inPostgres = ({ postgres }: Urls): string => `${postgres}${postgres.includes("?") ? "&" : "?"}schema=${place()}`;
const inOwnRedis = ({ redis }: Urls): Change[] => [["redis://localhost:6379", `${redis}?prefix=${place()}`]];
const inOwnSchema = (urls: Urls): Change[] => [["postgres://localhost/shop", inPostgres(urls)]];
const inOwnQueues = (urls: Urls): Change[] => [
  ["sqs://eu-west-1/shop", urls.sqs.replace(/^(sqs:\/\/[^/?]+)\/?[^?]*/, `$1/${place()}`)],
  ["postgres://shop:secret@db.internal/shop", inPostgres(urls)],
];

/** A page that shows the same program in waybill, and its test. */
const receipts = (changes: (urls: Urls) => Change[]): Readonly<Record<string, Run>> => ({
  "block-1.js": works("receipt for o_1, attempt 1", changes, 2),
  "block-2.ts": ends(/^receipt for o_1, attempt 1$/m),
});

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
  "docs/home.md": { "block-1.js": works("receipt for o_1, attempt 1") },
  "docs/jobs.md": {
    "main.js": ends(/^p1.jpg at 640 px, attempt 1$/m),
    "photo-jobs.js": ends(/^$/),
    "producer.js": ends(/^stored$/m),
    "worker.js": works("p1.jpg at 640 px"),
  },
  "docs/retries.md": { "main.js": ends(/^charged$/m), "block-2.js": ends(/^$/) },
  "docs/transactions.md": {
    "main.js": ends(/^1 order, 1 job$/m),
    "checkout.js": endsBesideOrders(/^order and job are stored$/m),
  },
  "docs/testing.md": { "jobs.test.js": underNodeTest, "crash.test.ts": underNodeTest },
  "docs/other-languages.md": { "worker.js": prints('"booted"'), "receiver.js": receipt },
  "docs/operating.md": { "report.js": ends(/^NO_WORKER: /m) },
  "docs/start.md": { "block-1.js": works("receipt for o_1, attempt 1") },
  "packages/sqlite/README.md": { "block-1.js": works("hello Ada"), "block-2.js": ends(/"enqueued"/) },
  "packages/bullmq/README.md": { "block-1.js": works("hello Ada", withRedis) },
  "packages/postgres/README.md": {
    "block-1.js": works("hello Ada", withPostgres),
    "block-2.js": endsBesideOrders(/"enqueued"/),
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
  "packages/platforms/README.md": { "block-1.js": works("hello Ada") },
  "packages/nest/README.md": {
    "main.ts": runsInNest,
    "support-desk.ts": loadsInNest,
    "orders.ts": loadsInNest,
    "dashboard.ts": loadsInNest,
    "block-5.ts": loadsInNest,
    "checkout.spec.ts": underVitest("checkout.spec.ts"),
    "rollback.spec.ts": underVitest("rollback.spec.ts"),
  },
  "packages/backend-contract/README.md": { "block-1.ts": underVitest("memory.test.ts") },
  "packages/cli/README.md": { sh: runsInAShell },
  "docs/coming-from/bullmq.md": {
    "jobs.js": loads(),
    "worker.js": works("mail to ada@example.com, attempt 1", inOwnRedis, 2),
    "block-4.ts": ends(/^mail to ada@example.com, attempt 1$/m),
  },
  "docs/coming-from/pg-boss.md": {
    "jobs.js": loads(),
    "worker.js": works("mail to ada@example.com, attempt 1", inOwnSchema, 2),
    "block-4.ts": ends(/^mail to ada@example.com, attempt 1$/m),
  },
  "docs/coming-from/graphile-worker.md": receipts(inOwnSchema),
  "docs/coming-from/agenda.md": receipts(inOwnSchema),
  "docs/coming-from/sidekiq.md": receipts(inOwnRedis),
  "docs/coming-from/celery.md": receipts(inOwnRedis),
  "docs/coming-from/elastic-beanstalk.md": receipts(inOwnQueues),
  "docs/coming-from/sqs-pollers.md": receipts(inOwnQueues),
  "docs/coming-from/trigger-dev.md": receipts(inOwnSchema),
  "docs/coming-from/inngest.md": receipts(inOwnSchema),
  "docs/control.md": { "block-1.js": ends(/cancelled: 1/) },
  "docs/dashboard.md": {
    sh: servesInAShell("npx waybill dashboard", "http://127.0.0.1:"),
    "block-1.js": answers("/admin/jobs", /<title>waybill<\/title>/, "process.env.PORT", {
      authorization: `Basic ${Buffer.from("ops:a long password").toString("base64")}`,
    }),
    "block-2.js": ends(/^kept in the ledger since \d/m),
  },
  "docs/flows.md": { "block-1.js": ends(/^summer: p1.webp, p2.webp\ncompleted 36$/m) },
  "docs/idempotency.md": { "block-1.js": works("mail about ch_1") },
  "docs/ledger.md": { "block-1.js": loads(withBorrowed), "block-2.js": loads(withBorrowed) },
  "docs/limits.md": {
    "block-1.ts": prints("syncing acme"),
    "block-2.ts": ends(/^$/),
    "block-3.ts": ends(/^$/),
    "block-4.ts": loads(({ postgres }) => [["postgres://localhost/app", postgres]]),
  },
  "docs/metrics.md": {
    sh: servesInAShell("npx waybill worker", '"booted"', "9464"),
    "block-1.js": answers("/ready", /^ok$/m, "9464"),
    "block-2.js": loads(),
  },
  "docs/records.md": {
    "block-1.js": ends(/^completed 4$/m),
    "progress.mjs": answers("/", /<progress>/, "3000"),
  },
  "docs/results.md": { "block-1.js": ends(/^https:\/\/photos.example\/p1.webp$/m) },
  "docs/schedules.md": {
    "block-1.js": prints('"booted"'),
    "block-2.js": ends(/^sync-7 /m),
    "block-3.js": underNodeTest,
  },
  "docs/unique-jobs.md": {
    "block-1.ts": prints("syncing acme"),
    "block-2.ts": ends(/^$/),
    "block-3.ts": ends(/^$/),
    "block-4.ts": ends(/^$/),
  },
  "docs/why.md": { "block-1.js": ends(/^NO_WORKER$/m) },
  "docs/push.md": {
    "block-1.ts": ends(/^(?![\s\S]*Error)/),
    "block-2.ts": ends(/^$/),
    "block-4.js": receipt,
    "block-5.js": receipt,
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
  "packages/nest/README.md app.module.ts": "loaded by main.ts and checkout.spec.ts",
  "docs/coming-from/bullmq.md block-1.ts": "BullMQ's own way, which is compiled with BullMQ",
  "docs/coming-from/bullmq.md move-schedules.js": "test/coming-from/bullmq.process.test.ts",
  "docs/coming-from/bullmq.md move.js": "test/coming-from/bullmq.process.test.ts",
  "docs/coming-from/bullmq.md back.js": "test/coming-from/bullmq.process.test.ts",
  "docs/coming-from/pg-boss.md block-1.ts": "pg-boss's own way, which is compiled with pg-boss",
  "docs/coming-from/pg-boss.md move-schedules.js": "test/coming-from/pg-boss.process.test.ts",
  "docs/coming-from/pg-boss.md move.js": "test/coming-from/pg-boss.process.test.ts",
  "docs/coming-from/pg-boss.md back.js": "test/coming-from/pg-boss.process.test.ts",
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
