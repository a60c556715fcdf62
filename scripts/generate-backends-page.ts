// Writes docs/backends.md from the code; `--check` only compares, and fails when the page is out of date.
import { readFileSync, writeFileSync } from "node:fs";
import { capabilityMatrix, type MatrixColumn } from "@waybill/backend-contract";
import { bullmqCapabilities } from "@waybill/bullmq";
import { memoryCapabilities } from "@waybill/core/memory";
import { postgresCapabilities } from "@waybill/postgres";
import { rabbitmqCapabilities } from "@waybill/rabbitmq";
import { sqliteCapabilities } from "@waybill/sqlite";
import { fifoCapabilities, standardCapabilities } from "@waybill/sqs";
import { services } from "@waybill/test-servers";

const PAGE = new URL("../docs/backends.md", import.meta.url);
/** The broker's own default. */
const CONSUMER_TIMEOUT_MS = 1_800_000;

/** The stores keep records beside their jobs, the brokers borrow a ledger. */
const store = { hasLedger: true, hasWorkerRegistry: true, hasJobControl: true } as const;
const broker = { hasLedger: false, hasWorkerRegistry: false, hasJobControl: false } as const;

const columns: readonly MatrixColumn[] = [
  { name: "SQLite", capabilities: sqliteCapabilities, ...store },
  { name: "Redis (BullMQ)", capabilities: bullmqCapabilities, ...store },
  { name: "PostgreSQL", capabilities: postgresCapabilities(10), ...store },
  {
    name: "RabbitMQ, quorum",
    capabilities: rabbitmqCapabilities({ queueType: "quorum", consumerTimeoutMs: CONSUMER_TIMEOUT_MS }),
    ...broker,
  },
  {
    name: "RabbitMQ, classic",
    capabilities: rabbitmqCapabilities({ queueType: "classic", consumerTimeoutMs: CONSUMER_TIMEOUT_MS }),
    ...broker,
  },
  { name: "SQS, standard", capabilities: standardCapabilities, ...broker },
  { name: "SQS, FIFO", capabilities: fifoCapabilities, ...broker },
  { name: "memory", capabilities: memoryCapabilities, ...store },
];

interface Package {
  readonly folder: string;
  readonly url: string;
  /** The peer dependency that carries the bytes; null: Node itself. */
  readonly client: string | null;
  readonly tested: string;
  readonly expected: string;
}

const packages: readonly Package[] = [
  {
    folder: "sqlite",
    url: "`sqlite:./waybill.db`",
    client: null,
    tested: "the SQLite inside Node 22.13, 24 and 26",
    expected: "",
  },
  {
    folder: "bullmq",
    url: "`redis://host:6379`, `rediss:`",
    client: "bullmq",
    tested: `Redis ${services.redis.version}`,
    expected: "Redis 6.2 to 7, Valkey; every rule of the contract passed by hand on Redis 6.2.5 and Valkey 9.1.2",
  },
  {
    folder: "postgres",
    url: "`postgres://user:password@host/database`",
    client: "pg",
    tested: `PostgreSQL ${services.postgres.version}, PgBouncer ${services.pgbouncer.version} in transaction mode`,
    expected: "PostgreSQL 13 and newer",
  },
  {
    folder: "rabbitmq",
    url: "`amqp://user:password@host/vhost`, `amqps:`",
    client: "amqplib",
    tested: `RabbitMQ ${services.rabbitmq.version}`,
    expected: "RabbitMQ 4, by its documentation",
  },
  {
    folder: "sqs",
    url: "`sqs://REGION/PREFIX`",
    client: "@aws-sdk/client-sqs",
    tested: `the emulators fauxqs ${services.sqs.version} and moto ${motoVersion()}; the package refuses what they accept and AWS does not`,
    expected: "Amazon SQS, by its documentation",
  },
];

function motoVersion(): string {
  const requirements = new URL("../packages/test-servers/moto/requirements.txt", import.meta.url);
  return /^moto==(.+)$/m.exec(readFileSync(requirements, "utf8"))?.[1] ?? "";
}

function clientVersion({ folder, client }: Package): string {
  if (client === null) return "none";
  const path = new URL(`../packages/${folder}/package.json`, import.meta.url);
  const { devDependencies = {} } = JSON.parse(readFileSync(path, "utf8")) as {
    devDependencies?: Record<string, string>;
  };
  return `\`${client}\` ${devDependencies[client] ?? "of any version"}`;
}

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;

function packageTable(): string {
  const head = ["Package", "URL", "Client library", "Tested with", "Expected to work with", "By hand"];
  const rows = packages.map((one) => [
    `[\`@waybill/${one.folder}\`](../packages/${one.folder})`,
    one.url,
    clientVersion(one),
    one.tested,
    one.expected,
    `[binding](../spec/1.0/bindings/${one.folder === "bullmq" ? "redis" : one.folder}.md)`,
  ]);
  return [head, head.map(() => "---"), ...rows].map(row).join("");
}

function page(): string {
  return `# What each backend can do

<!-- Made by scripts/generate-backends-page.ts from the code; \`npm run check\` says when it is out of date. -->

The same program runs on each of these backends; only its URL changes. The table shows their limits. Core decides how each
requirement of a program is met, when the program starts or when it makes the call:

- **native**: the backend does it itself;
- **emulated**: core does it; a delay beyond the limit, for example, is a series of releases, which spend no attempt;
- **with a borrowed ledger**: core does it if the connection names a [ledger](ledger.md#borrowing-one), a small store of records on another
  backend; otherwise it is refused;
- **refused**: an error that says what to do. Nothing is dropped silently.

${capabilityMatrix(columns)}
[capabilities.ts](../packages/core/src/backend/capabilities.ts) describes each row. A backend
computes its values when it opens, from the settings of the server: Redis without its append-only file may lose jobs at a restart,
and RabbitMQ's \`consumer_timeout\` limits how long a job may run. The table shows the values for default settings. SQS FIFO
queues keep the order of the jobs of one tenant, which the table does not show. These pages describe single rows: [unique jobs](unique-jobs.md),
[limits](limits.md) (concurrency, rate, fairness among tenants), [schedules](schedules.md), [results](results.md), [flows](flows.md), [control](control.md) (list, cancel, pause),
[idempotency](idempotency.md) (a finished id) and [the ledger](ledger.md).

\`jobs.enqueueIn\` and \`job.completeIn\`, in a transaction of your own, are native on [SQLite](../packages/sqlite/README.md#in-a-transaction-of-yours)
and [PostgreSQL](../packages/postgres/README.md#in-your-own-transactions) and refused on other backends: by the call, or at start if
\`require: ["transactions"]\` is given.

## What \`waybill why\` can see

SQLite, Redis, PostgreSQL and memory say of every job [why it does not run](why.md). SQS and RabbitMQ do not: no message can be looked at without being
received. There the [records](records.md) in the backend of a borrowed ledger take the place of the queue, and all is known but the place of a ready job
among others and the end of a lease. With a ledger and no records only what live workers report is known, cancels, flows and dead letters;
without a ledger only dead letters. Everything else is \`NOT_VISIBLE\`: delayed, ready, waiting for a retry or a limit, completed, never enqueued.

## Rules with exceptions

The [contract](../packages/backend-contract) skips rules for a capability that a backend does not have, such as priorities.
Three backends do not keep these rules either; their contract tests list them as known failures:

| Backend | Rule | Reason |
| --- | --- | --- |
| RabbitMQ | delayed and leased jobs are counted per queue | jobs of all queues wait in the same delay queues, so delayed jobs are counted in a row of their own |
| RabbitMQ, SQS | \`oldestWaitMs\` is how long the oldest ready job has been ready | neither reports it to a client |
| SQS, FIFO | ready, delayed and leased jobs are counted separately | a FIFO queue reports only available and hidden messages |

## TLS

A file is named by its path in the URL, under the name that each driver's users know. In code the option \`tls\` takes the options of
Node's \`tls.connect\`, and PostgreSQL's the \`url\` or your \`pool\`.

| | Redis | PostgreSQL | RabbitMQ | SQS |
| --- | --- | --- | --- | --- |
| encrypts | \`rediss:\` | \`sslmode=verify-full\` | \`amqps:\` | an \`https:\` endpoint |
| authority of the server's certificate; without it those that Node trusts | \`ssl_ca_certs\` | \`sslrootcert\` | \`cacertfile\` | \`ca_bundle\` |
| client certificate and its key | \`ssl_certfile\`, \`ssl_keyfile\` | \`sslcert\`, \`sslkey\` | \`certfile\`, \`keyfile\`; with \`auth_mechanism=external\` instead of a password | \`client_cert\`, \`client_key\` |

A certificate that has expired, is of another authority or for another host, and a client certificate that is missing or refused, are
\`CONFIG_INVALID\` at the start, each with what to do. \`waybill wait\` then stops waiting, and \`waybill doctor\` reports it.

## Packages

${packageTable()}
\`npm test\` runs every row against the server under "Tested with". "By hand" describes how other languages enqueue.
[Switching](switching.md) describes how to change from one backend to another.
`;
}

const wanted = page();
if (process.argv.includes("--check")) {
  if (readFileSync(PAGE, "utf8") !== wanted) {
    console.error("docs/backends.md is out of date; run: npm run docs:backends");
    process.exitCode = 1;
  }
} else {
  writeFileSync(PAGE, wanted);
}
