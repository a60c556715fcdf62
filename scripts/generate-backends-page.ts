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

const columns: readonly MatrixColumn[] = [
  { name: "SQLite", capabilities: sqliteCapabilities },
  { name: "Redis (BullMQ)", capabilities: bullmqCapabilities },
  { name: "PostgreSQL", capabilities: postgresCapabilities(10) },
  {
    name: "RabbitMQ, quorum",
    capabilities: rabbitmqCapabilities({ queueType: "quorum", consumerTimeoutMs: CONSUMER_TIMEOUT_MS }),
  },
  {
    name: "RabbitMQ, classic",
    capabilities: rabbitmqCapabilities({ queueType: "classic", consumerTimeoutMs: CONSUMER_TIMEOUT_MS }),
  },
  { name: "SQS, standard", capabilities: standardCapabilities },
  { name: "SQS, FIFO", capabilities: fifoCapabilities },
  { name: "memory", capabilities: memoryCapabilities },
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
    tested: `the emulators fauxqs ${services.sqs.version} and moto ${motoVersion()}; what they let pass and AWS does not is refused by us`,
    expected: "Amazon SQS, by its documentation",
  },
];

function motoVersion(): string {
  const requirements = new URL("../packages/test-servers/moto-requirements.txt", import.meta.url);
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

The same program runs on each of these by its URL alone. What differs is below, as limits rather than as ticks. A need
beyond a limit is met in one of three ways, decided by one function and said when the program starts:

- **native**: the backend does it itself;
- **emulated**: core bridges it; a job hops by uncounted releases until its time has come;
- **refused**: an error that names the way out, at the start or by the call. Nothing is dropped quietly.

${capabilityMatrix(columns)}
What the rows mean is written beside each member in [capabilities.ts](../packages/core/src/capabilities.ts). A backend
computes them when it opens, so that a server's settings count: Redis without its append-only file does not claim to
survive a restart, and RabbitMQ's \`consumer_timeout\` bounds how long a job may run. The table shows their defaults.

## Packages

${packageTable()}
Every row was run by \`npm test\` against the server named as tested. "By hand" is how any other language enqueues.
How to go from one to another, and what a program notices: [switching](switching.md).
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
