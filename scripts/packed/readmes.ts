import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSecret } from "@waybill/core";
import { freePort, type ServiceName } from "@waybill/test-servers";
import { run, runUntil, runUntilCtrlC } from "./program.ts";
import { type Change, changed, linesOf } from "./readme-lines.ts";
import { runsInNest } from "./nest.ts";
import type { Stranger } from "./stranger.ts";

/** Where the servers run that the READMEs name by their usual addresses. */
export type Urls = Readonly<Record<Exclude<ServiceName, "pgbouncer">, string>>;

function program({ folder }: Stranger, readme: string, changes: readonly Change[]): string {
  const file = `${readme.toLowerCase().replaceAll(/\W/g, "-")}.js`;
  writeFileSync(join(folder, file), changed(linesOf(readme, "js")[0], changes));
  return file;
}

/** Lines that open a connection, enqueue, and work until SIGTERM: the job settles, and the end is a clean one. */
async function pulls(stranger: Stranger, readme: string, said: string, changes: readonly Change[] = []): Promise<void> {
  const file = program(stranger, readme, changes);
  const output = await runUntil('"settled"', ["node", file], { cwd: stranger.folder });
  const lines = output.trimEnd().split("\n");
  if (lines.includes(said) && lines.at(-1)?.includes('"completed":1')) return;
  throw new Error(`it should say "${said}" and report one completed job:\n${output}`);
}

/** A sender in a process of its own. */
const sender = `
import { connect } from "@waybill/core";
import { sendOverHttp } from "@waybill/http";
const jobs = await connect("memory:", { log: "off" });
const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
await jobs.enqueue("greeting.print", { name: "Ada" });
const push = sendOverHttp({ to: process.argv[2], keys: process.env.WAYBILL_KEYS });
await jobs.worker({ jobs: [push], queues: ["default"] }).start();
console.log((await settled).outcome);
await jobs.close();
`;

/** Lines that open a server: they run one job that is pushed to them, and end on SIGTERM. */
async function isPushedTo(stranger: Stranger, readme: string): Promise<void> {
  const port = await freePort();
  const file = program(stranger, readme, [["3000", String(port)]]);
  writeFileSync(join(stranger.folder, "push.js"), sender);
  const how = { cwd: stranger.folder, env: { WAYBILL_KEYS: newSecret() } };
  const [, outcome] = await Promise.all([
    runUntil("hello Ada", ["node", file], how),
    run(["node", "push.js", `http://127.0.0.1:${port}/work`], how),
  ]);
  if (outcome.trim() !== "completed") throw new Error(`the sender says: ${outcome}`);
}

/** The commands as they stand, the last of which works until it is ended. */
async function runsInAShell({ folder }: Stranger): Promise<void> {
  const lines = changed(linesOf("packages/cli/README.md", "sh")[1], []).trimEnd().split("\n");
  const worker = lines.pop() ?? "";
  const how = { cwd: folder, env: { WAYBILL_URL: "sqlite:./cli.db" } };
  await run(["bash", "-euo", "pipefail", "-c", lines.join("\n")], how);
  const output = await runUntilCtrlC("Hello, Ada.", ["bash", "-c", `exec ${worker}`], how);
  if (!output.includes('"completed":1')) throw new Error(`it did not report its end:\n${output}`);
}

async function runsUnderNodeTest({ folder }: Stranger): Promise<void> {
  const lines = linesOf("packages/backend-contract/README.md", "ts")[0];
  writeFileSync(join(folder, "contract.test.js"), changed(lines, [['"vitest"', '"node:test"']]));
  const output = await run(["node", "--test-reporter=tap", "contract.test.js"], { cwd: folder });
  if (!/^# fail 0$/m.test(output) || !/^# pass \d\d/m.test(output)) throw new Error(output);
}

export const runsTheReadme = (it: Stranger): Promise<void> =>
  pulls(it, "README.md", "receipt for o_1, attempt 1", [["./waybill.db", "./readme.db"]]);

/** What each README's lines do in a stranger's project. */
export const readmes: Readonly<Record<string, (stranger: Stranger, urls: Urls) => Promise<void>>> = {
  "the README": runsTheReadme,
  sqlite: (it) => pulls(it, "packages/sqlite/README.md", "hello Ada"),
  bullmq: (it, { redis }) => pulls(it, "packages/bullmq/README.md", "hello Ada", [["redis://localhost:6379", redis]]),
  postgres: (it, { postgres }) =>
    pulls(it, "packages/postgres/README.md", "hello Ada", [["postgres://app:secret@127.0.0.1:5432/shop", postgres]]),
  rabbitmq: (it, { rabbitmq }) =>
    pulls(it, "packages/rabbitmq/README.md", "hello Ada", [["amqp://guest:guest@127.0.0.1:5672", rabbitmq]]),
  sqs: (it, { sqs }) =>
    pulls(it, "packages/sqs/README.md", "hello Ada", [
      ["sqs://eu-west-1/shop", sqs],
      ['"3h"', '"1s"'],
    ]),
  http: (it) => isPushedTo(it, "packages/http/README.md"),
  express: (it) => isPushedTo(it, "packages/express/README.md"),
  nest: runsInNest,
  cli: runsInAShell,
  "backend-contract": runsUnderNodeTest,
};
