/** A page of the site: a Markdown file of the repository, its address without `.html`, and its name in the sidebar. */
export interface SitePage {
  /** Relative to the root of the repository. */
  readonly file: string;
  readonly address: string;
  readonly title: string;
}

export interface Section {
  readonly title: string;
  readonly pages: readonly SitePage[];
}

const page = (file: string, address: string, title: string): SitePage => ({ file, address, title });
const guide = (name: string, title: string): SitePage => page(`docs/${name}.md`, `/${name}`, title);
const comingFrom = (name: string, title: string): SitePage =>
  page(`docs/coming-from/${name}.md`, `/coming-from/${name}`, title);
const spec = (name: string, title: string): SitePage => page(`spec/${name}.md`, `/spec/${name}`, title);

/** The whole site, in the order of its sidebar and of llms.txt. */
export const sections: readonly Section[] = [
  {
    title: "Start",
    pages: [
      page("docs/home.md", "/", "What waybill is"),
      guide("start", "The first job"),
      page("apps/demo/README.md", "/demo", "The demo"),
      page("examples/README.md", "/examples", "Examples"),
    ],
  },
  {
    title: "Guides",
    pages: [
      guide("jobs", "Defining jobs"),
      guide("retries", "Retries and errors"),
      guide("transactions", "Transactions"),
      guide("unique-jobs", "Unique jobs"),
      guide("limits", "Limits"),
      guide("schedules", "Schedules"),
      guide("flows", "Flows"),
      guide("results", "Results and progress"),
      guide("other-languages", "Push and other languages"),
      guide("testing", "Testing"),
      guide("deploying", "Deploying"),
      guide("operating", "Operating"),
    ],
  },
  {
    title: "Frameworks",
    pages: [
      page("packages/nest/README.md", "/nest", "Nest"),
      page("packages/express/README.md", "/express", "Express"),
      guide("push", "Carriers, and other frameworks"),
      page("packages/http/sqsd.md", "/sqsd", "Elastic Beanstalk"),
      guide("produce", "Produce in any language"),
      guide("receive", "Receive in any language"),
      page("packages/http/README.md", "/http", "Endpoints and sender"),
    ],
  },
  {
    title: "Backends",
    pages: [
      guide("backends", "What each can do"),
      guide("switching", "One program, five URLs"),
      page("packages/sqlite/README.md", "/backends/sqlite", "SQLite"),
      page("packages/postgres/README.md", "/backends/postgres", "PostgreSQL"),
      page("packages/bullmq/README.md", "/backends/bullmq", "Redis"),
      page("packages/rabbitmq/README.md", "/backends/rabbitmq", "RabbitMQ"),
      page("packages/sqs/README.md", "/backends/sqs", "Amazon SQS"),
      page("packages/sqs/emulator-gaps.md", "/backends/sqs-emulators", "SQS emulators"),
      guide("ledger", "The ledger"),
      page("packages/backend-contract/README.md", "/backends/contract", "The contract suite"),
    ],
  },
  {
    title: "Running it",
    pages: [
      guide("dashboard", "Dashboard"),
      page("packages/dashboard/README.md", "/dashboard-package", "Dashboard: mount and options"),
      guide("why", "Why a job does not run"),
      guide("control", "Find, cancel, pause"),
      guide("records", "Records"),
      guide("idempotency", "Idempotency"),
      guide("doctor", "Doctor"),
      guide("shutdown", "Stopping a worker"),
      page("packages/platforms/README.md", "/platforms", "EC2 and ECS notices"),
    ],
  },
  {
    title: "Coming from",
    pages: [
      comingFrom("bullmq", "BullMQ"),
      comingFrom("pg-boss", "pg-boss"),
      comingFrom("graphile-worker", "graphile-worker"),
      comingFrom("agenda", "Agenda"),
      comingFrom("sidekiq", "Sidekiq"),
      comingFrom("celery", "Celery"),
      comingFrom("elastic-beanstalk", "active-elastic-job"),
      comingFrom("sqs-pollers", "SQS pollers"),
      comingFrom("trigger-dev", "Trigger.dev"),
      comingFrom("inngest", "Inngest"),
    ],
  },
  {
    title: "Reference",
    pages: [
      page("packages/core/README.md", "/core", "Options, errors, tests"),
      guide("api", "Functions and types"),
      page("packages/cli/README.md", "/cli", "The waybill command"),
      guide("commands", "Every command and option"),
      guide("events", "Events"),
      guide("metrics", "Metrics and probes"),
      spec("1.0/codes", "Codes"),
      spec("glossary", "Glossary"),
      guide("support", "Supported versions"),
      guide("versioning", "What may change in a release"),
      page("packages/create-waybill/README.md", "/create-waybill", "npm create waybill"),
    ],
  },
  {
    title: "Spec",
    pages: [
      page("spec/README.md", "/spec/", "Overview"),
      page("spec/1.0/README.md", "/spec/1.0/", "Version 1.0"),
      spec("1.0/envelope", "Envelope"),
      spec("1.0/push", "Push"),
      spec("1.0/signing", "Signing"),
      spec("1.0/bindings/sqlite", "Binding: SQLite"),
      spec("1.0/bindings/postgres", "Binding: PostgreSQL"),
      spec("1.0/bindings/redis", "Binding: Redis"),
      spec("1.0/bindings/rabbitmq", "Binding: RabbitMQ"),
      spec("1.0/bindings/sqs", "Binding: SQS"),
      page("spec/1.0/vectors/README.md", "/spec/1.0/vectors/", "Vectors"),
      page("spec/producers/python/README.md", "/spec/python", "In Python"),
      spec("traps", "Traps of each language"),
      spec("rationale", "Rationale"),
    ],
  },
  {
    title: "Guarantees",
    pages: [
      guide("guarantees", "Guarantees and their tests"),
      guide("faults", "Faults, measured"),
      page("apps/faults/README.md", "/fault-scenarios", "How faults are caused"),
    ],
  },
  {
    title: "Performance",
    pages: [guide("performance", "Performance"), page("apps/bench/README.md", "/measurements", "All measurements")],
  },
  {
    title: "Contribute",
    pages: [page("CONTRIBUTING.md", "/contributing", "Backends and house rules")],
  },
];

export const pages: readonly SitePage[] = sections.flatMap((section) => section.pages);

/** The file that VitePress makes a page of, as if it lay at its address: "spec/index.md". */
export function rewrittenPath({ address }: SitePage): string {
  return `${address.slice(1)}${address.endsWith("/") ? "index" : ""}.md`;
}
