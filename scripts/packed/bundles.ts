import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, type Bundler } from "./bundlers.ts";
import { type Ended, run, runToAnyEnd } from "./program.ts";
import type { Urls } from "./run-kinds.ts";
import type { Stranger } from "./stranger.ts";

/** One job from enqueue to settled on the backend of a URL; or the error's message. */
const program = `
import { connect, defineJob } from "@waybill/core";
const [url, name] = process.argv.slice(2);
let ran;
const done = new Promise((resolve) => (ran = resolve));
const greet = defineJob({ type: "bundled.greet", queue: "bundled", handler: (payload) => payload.name === name && ran(name) });
async function main() {
  const jobs = await connect(url, { jobs: [greet], log: "off" });
  await jobs.enqueue(greet, { name });
  await jobs.worker({ jobs: [greet] }).start();
  console.log("hello " + (await done));
  await jobs.close();
}
main().catch((error) => { console.log(error.code + " " + error.message); process.exitCode = 1; });
`;

/** Each backend in a bundle, run in a folder that has nothing installed. */
export async function runsEveryBackend(
  { folder }: Stranger,
  bundlers: string,
  bundler: Bundler,
  urls: Urls,
): Promise<void> {
  const built = await builtFor(folder, bundlers, bundler);
  const all = { sqlite: "sqlite:./bundled.db", ...urls };
  const runs = Object.entries(all).map(async ([backend, url]) => {
    const said = await run(["node", built.main, url, backend], { cwd: built.folder });
    if (said.trim() !== `hello ${backend}`) throw new Error(`${bundler}, ${backend}:\n${said}`);
  });
  await Promise.all(runs);
}

/** A bundle of a project that has SQLite alone: the others fail no build, and are told apart when they are asked for. */
export async function tellsWhatIsMissing({ folder }: Stranger, bundlers: string, bundler: Bundler): Promise<void> {
  const built = await builtFor(folder, bundlers, bundler);
  const said = await run(["node", built.main, "sqlite:./bundled.db", "sqlite"], { cwd: built.folder });
  if (said.trim() !== "hello sqlite") throw new Error(`${bundler}:\n${said}`);
  for (const [url, name] of [
    ["redis://localhost:1", "@waybill/bullmq"],
    ["amqp://localhost:1", "@waybill/rabbitmq"],
  ] as const) {
    const { output } = await runToAnyEnd(["node", built.main, url, "nobody"], { cwd: built.folder });
    assertSupported(
      output,
      `needs the package ${name}, which is neither in this bundle nor installed where the bundle runs`,
    );
    assertSupported(output, `import { fromUrl } from "${name}" and call connect(fromUrl(url))`);
  }
}

/** esbuild's ESM has no require: SQLite runs, and the error of the others names the two ways. */
export async function namesTheBanner({ folder }: Stranger, bundlers: string, urls: Urls): Promise<void> {
  const built = await builtFor(folder, bundlers, "esbuild as ESM");
  await run(["node", built.main, "sqlite:./bundled.db", "sqlite"], { cwd: built.folder });
  for (const [backend, name] of Object.entries({
    redis: "bullmq",
    postgres: "postgres",
    rabbitmq: "rabbitmq",
    sqs: "sqs",
  })) {
    const url = urls[backend as keyof Urls];
    const { output } = await runToAnyEnd(["node", built.main, url, "nobody"], { cwd: built.folder });
    assertSupported(output, `CONFIG_INVALID the client library of @waybill/${name} calls require()`);
    assertSupported(output, "--format=cjs");
  }
}

/** Left out of the bundle, and found in the `node_modules` of the folder in which it runs. */
export async function findsWhatIsInstalled({ folder }: Stranger, bundlers: string): Promise<void> {
  const built = await builtFor(folder, bundlers, "esbuild without the backends");
  const said = await run(["node", built.main, "sqlite:./beside.db", "sqlite"], { cwd: folder });
  if (said.trim() !== "hello sqlite") throw new Error(said);
}

async function builtFor(
  folder: string,
  bundlers: string,
  bundler: Bundler,
): Promise<{ readonly main: string; readonly folder: string }> {
  const input = join(folder, "bundled.js");
  writeFileSync(input, program);
  const out = `${folder}-${bundler.replaceAll(/\W+/g, "-")}`;
  mkdirSync(out);
  return { main: await bundle(bundlers, bundler, input, out), folder: out };
}

function assertSupported(output: Ended["output"], text: string): void {
  if (!output.includes(text)) throw new Error(`it should say "${text}":\n${output}`);
}
