/** The blocks of one language on one page. */
export interface RunBy {
  readonly page: string;
  readonly languages: readonly string[];
  /** The test, or the part of `npm run packed`, that runs them as they are printed. It names the page. */
  readonly by: string;
  /** Where not every block is run by the program that it names: which, and why not. */
  readonly but?: string;
}

/** Blocks that are no TypeScript or JavaScript, no JSON and no `npm` command, each with what runs it. */
export const runBy: readonly RunBy[] = [
  { page: "docs/dashboard.md", languages: ["nginx"], by: "packages/dashboard/test/mounts.process.test.ts" },
  { page: "docs/other-languages.md", languages: ["python"], by: "test/guides.process.test.ts" },
  { page: "docs/produce.md", languages: ["ruby", "python", "php", "sh"], by: "test/produce.process.test.ts" },
  { page: "docs/produce.md", languages: ["go", "java", "xml"], by: "scripts/packed/languages.ts" },
  { page: "docs/metrics.md", languages: ["yaml"], by: "test/metrics-page.process.test.ts" },
  { page: "docs/shutdown.md", languages: ["sh"], by: "packages/cli/test/commands/systemd.process.test.ts" },
  { page: "docs/receive.md", languages: ["ruby", "python", "php", "sh"], by: "test/receive.process.test.ts" },
  { page: "docs/receive.md", languages: ["go", "java"], by: "scripts/packed/languages.ts" },
  { page: "packages/create-waybill/README.md", languages: ["sh"], by: "scripts/packed/starting.ts" },
  { page: "packages/cli/README.md", languages: ["sh"], by: "scripts/packed/page-runs.ts" },
  { page: "packages/postgres/README.md", languages: ["sql"], by: "packages/postgres/test/opening.test.ts" },
  { page: "packages/nest/README.md", languages: ["cts"], by: "scripts/packed/stock-nest.ts" },
  { page: "spec/1.0/bindings/postgres.md", languages: ["sh", "sql"], by: "packages/postgres/test/binding.test.ts" },
  {
    page: "spec/1.0/bindings/rabbitmq.md",
    languages: ["python", "python-stdlib"],
    by: "packages/rabbitmq/test/binding.test.ts",
  },
  { page: "spec/1.0/bindings/rabbitmq.md", languages: ["sh"], by: "scripts/packed/rabbitmqadmin.ts" },
  { page: "spec/1.0/bindings/redis.md", languages: ["sh", "python"], by: "packages/bullmq/test/binding.test.ts" },
  {
    page: "spec/1.0/bindings/sqlite.md",
    languages: ["sh", "python", "sql"],
    by: "packages/sqlite/test/binding.test.ts",
  },
  {
    page: "spec/1.0/bindings/sqs.md",
    languages: ["sh", "python-stdlib"],
    by: "packages/sqs/test/binding.test.ts",
    but: "the two lines of `aws`: a shell reads them, and what they would send is sent; not every version of it asks an emulator",
  },
  { page: "spec/1.0/bindings/sqs.md", languages: ["python"], by: "packages/sqs/test/binding-vectors.test.ts" },
  { page: "spec/1.0/push.md", languages: ["http"], by: "packages/http/test/spec-pages.test.ts" },
  { page: "spec/1.0/signing.md", languages: ["sh"], by: "packages/http/test/spec-pages.test.ts" },
  { page: "spec/1.0/vectors/README.md", languages: ["python"], by: "test/code-blocks.test.ts" },
  { page: "spec/producers/python/README.md", languages: ["python"], by: "packages/http/test/spec-pages.test.ts" },
  { page: "spec/producers/python/README.md", languages: ["sh"], by: "test/code-blocks.test.ts" },
];

/** Blocks that nothing runs, each with the reason. At most their syntax is checked. The list must not grow. */
export const exempt: readonly (Omit<RunBy, "by"> & { readonly why: string })[] = [
  {
    page: "docs/push.md",
    languages: ["sh"],
    why: "gcloud, aws and curl at QStash: each needs an account of the cloud",
  },
  { page: "packages/http/sqsd.md", languages: ["nginx", "yaml"], why: "settings of Elastic Beanstalk's machine" },
];
