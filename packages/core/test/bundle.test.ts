import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, defineJob } from "../src/index.ts";

const core = fileURLToPath(new URL("../src/index.ts", import.meta.url));
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
  const rolldownOptions = { input: join(folder, "producer.ts"), output: { entryFileNames: "[name].mjs" } };
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

test("a bundled program that only enqueues carries no worker, and less than 15 KB of core, gzipped", () => {
  const modules = loadedAtStart().flatMap((chunk) => chunk.moduleIds.map((id) => id.slice(id.lastIndexOf("/") + 1)));
  expect(modules).toContain("connect-producer.ts");
  expect(
    modules.filter((name) =>
      /^(connect|worker|execute|slots|lease-.*|settle.*|job-runner|traced-send|telemetry.*)\.ts$/.test(name),
    ),
  ).toEqual([]);
  // As one text: into how many chunks a bundler cuts what is loaded at start is its own affair.
  const bytes = gzipSync(
    loadedAtStart()
      .map(({ code }) => code)
      .join(""),
  ).length;
  expect(bytes).toBeGreaterThan(5_000);
  expect(bytes).toBeLessThan(15_000);
});

test("it enqueues on a backend that was left out of the bundle, and a worker elsewhere runs the job", async () => {
  const url = `sqlite:${join(folder, "jobs.db")}`;
  const bundle = [join(folder, "out", "producer.mjs"), url];
  const said = execFileSync(process.execPath, ["--no-warnings", "--conditions=waybill-source", ...bundle], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
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
