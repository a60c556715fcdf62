import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, defineJob } from "../../src/index.ts";

const core = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
const program = `
import { connectProducer, defineJob, isWaybillError } from ${JSON.stringify(core)};

const greet = defineJob({ type: "greet.send" });
const jobs = await connectProducer(process.argv[2], { jobs: [greet], log: "off" });
await jobs.enqueue(greet, { name: "bundled" }, { id: "0190b6a2-0000-7000-8000-000000000001" });
const conflict = await jobs.enqueue(greet, { name: "other" }, { id: "0190b6a2-0000-7000-8000-000000000001" }).catch((error) => error);
console.log(isWaybillError(conflict, "ID_CONFLICT"));
await jobs.close();
`;

let folder = "";
let chunks: Rolldown.OutputChunk[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-bundle-"));
  await writeFile(join(folder, "producer.ts"), program);
  const rolldownOptions = {
    input: join(folder, "producer.ts"),
    output: { entryFileNames: "[name].mjs" },
    external: /^@waybill\//,
  };
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    ssr: { noExternal: true },
    build: { ssr: true, minify: true, outDir: "out", rolldownOptions },
  });
  chunks = (built as Rolldown.RolldownOutput).output.filter((output) => output.type === "chunk");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The chunk of the program and all that it imports, without what it loads when asked for. */
function loadedAtStart(): Rolldown.OutputChunk[] {
  const loaded = new Set(chunks.filter((chunk) => chunk.isEntry));
  for (const { imports } of loaded) {
    for (const chunk of chunks) if (imports.includes(chunk.fileName)) loaded.add(chunk);
  }
  return [...loaded];
}

/** Sources of core whose code is in these chunks, relative to its `src`. A module whose code was shaken away is not. */
function sourcesIn(these: readonly Rolldown.OutputChunk[]): string[] {
  const rendered = these.flatMap(({ modules }) => Object.entries(modules).filter(([, one]) => (one.code ?? "") !== ""));
  return rendered
    .map(([id]) => relative(dirname(core), id))
    .filter((path) => !path.startsWith(".."))
    .toSorted();
}

/** What a producer is made of. A module that is new here makes every producer larger: load it when it is asked for. */
const producerSources = [
  "backend/backend-errors.ts",
  "backend/gather.ts",
  "backend/keep-alive.ts",
  "backend/message.ts",
  "backend/not-stored.ts",
  "backend/own-errors.ts",
  "backend/producer-seam.ts",
  "connect/connect-producer.ts",
  "connect/load-on-demand.ts",
  "connect/open-producer.ts",
  "connect/open-seam.ts",
  "connect/schemes.ts",
  "envelope/check.ts",
  "envelope/defaults.ts",
  "envelope/duration.ts",
  "envelope/envelope-code.ts",
  "envelope/field-rules.ts",
  "envelope/id.ts",
  "envelope/limits.ts",
  "envelope/meta-rule.ts",
  "envelope/plain.ts",
  "envelope/timestamp.ts",
  "envelope/write.ts",
  "errors.ts",
  "job/canary-type.ts",
  "job/check-definition.ts",
  "job/define-job.ts",
  "job/error-match.ts",
  "job/error-rules.ts",
  "job/payload.ts",
  "job/retry-options.ts",
  "job/unique-options.ts",
  "job/upcast.ts",
  "known-options.ts",
  "producer/enqueue.ts",
  "producer/known-jobs.ts",
  "producer/make-envelope.ts",
  "producer/make-message.ts",
  "producer/producer-options.ts",
  "time/clock.ts",
  "time/duration.ts",
  "time/time-limit.ts",
  "values/any-value.ts",
];

test("a bundled program that only enqueues holds these sources of core and no other", () => {
  expect(sourcesIn(loadedAtStart())).toEqual(producerSources);
});

test("nothing of execution, workers or inboxes is in the bundle, not even in what is loaded when asked for", () => {
  const elsewhere = sourcesIn(chunks).filter((path) =>
    /^(execution|worker|testing)\/|connect\/(connect|admit)\.ts$/.test(path),
  );
  expect(elsewhere).toEqual([]);
  expect(sourcesIn(chunks)).toContain("observability/traced-seam.ts");
});

test("what is loaded at start is less than 15 KB, gzipped", () => {
  // As one text: into how many chunks a bundler cuts what is loaded at start is its own affair.
  const text = loadedAtStart().map(({ code }) => code);
  const bytes = gzipSync(text.join("")).length;
  expect(bytes).toBeGreaterThan(5_000);
  expect(bytes).toBeLessThan(15_000);
});

test("it enqueues on a backend that was left out of the bundle, and a worker elsewhere runs the job", async () => {
  const url = `sqlite:${join(folder, "jobs.db")}`;
  const bundle = [join(folder, "out", "producer.mjs"), url];
  const said = execFileSync(process.execPath, ["--conditions=waybill-source", ...bundle], {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    encoding: "utf8",
  });
  expect(said).toBe("true\n");
  const jobs = await connect(url, { log: "off" });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  const ran: unknown[] = [];
  const greet = defineJob({ type: "greet.send", handler: (payload) => void ran.push(payload) });
  await jobs.worker({ jobs: [greet] }).start();
  await settled;
  await jobs.close();
  expect(ran).toEqual([{ name: "bundled" }]);
});

test("it enqueues on memory, which is loaded when asked for", () => {
  const bundle = [join(folder, "out", "producer.mjs"), "memory:"];
  expect(execFileSync(process.execPath, bundle, { cwd: folder, encoding: "utf8" })).toBe("true\n");
});

test("where the backend is not installed either, the error says both, and what to do", () => {
  const bundle = [join(folder, "out", "producer.mjs"), "sqs://eu-west-1/shop"];
  const { stderr } = spawnSync(process.execPath, bundle, { cwd: folder, encoding: "utf8" });
  expect(stderr).toContain('a "sqs:" URL needs the package @waybill/sqs');
  expect(stderr).toContain("neither in this bundle nor installed where the bundle runs");
  expect(stderr).toContain("Run: npm install @waybill/sqs, and build again");
  expect(stderr).toContain('import { fromUrl } from "@waybill/sqs" and call connect(fromUrl(url))');
});
