import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSecret } from "@waybill/core";
import { freePort, type ServiceName } from "@waybill/test-servers";
import { blocks, fileOf, isProgram } from "../../test/code-blocks/blocks.ts";
import { compileNest, nestFiles } from "./nest.ts";
import { run, runUntil, runUntilCtrlC, runUntilItsOwnSigterm } from "./program.ts";
import { changed, type Change } from "./readme-lines.ts";

/** Where the servers run that the pages name by their usual addresses. */
export type Urls = Readonly<Record<Exclude<ServiceName, "pgbouncer">, string>>;

/** A page's project, with its programs saved under their names. */
export interface PageProject {
  readonly page: string;
  readonly folder: string;
  readonly urls: Urls;
}

export type Run = (project: PageProject, file: string) => Promise<void>;

const text = ({ page }: PageProject, file: string): string =>
  blocks.find((block) => block.page === page && isProgram(block) && fileOf(block) === file)?.code ?? "";

/** Saves the program as it is printed, but for where a server is. */
function saved(project: PageProject, file: string, changes: readonly Change[] = []): string {
  writeFileSync(join(project.folder, file), changed(text(project, file), changes));
  return file;
}

/** Works until SIGTERM: a job settles, and the end is a clean one. A page may enqueue a second job that is due. */
export const works =
  (said: string, changes: (urls: Urls) => readonly Change[] = () => [], completed: 1 | 2 = 1): Run =>
  async (project, file) => {
    const command = ["node", saved(project, file, changes(project.urls))];
    const output = await runUntil('"settled"', command, { cwd: project.folder });
    const lines = output.trimEnd().split("\n");
    if (lines.includes(said) && lines.at(-1)?.includes(`"completed":${completed}`)) return;
    throw new Error(`it should say "${said}" and report ${completed} completed:\n${output}`);
  };

/** Runs to its end. */
export const ends =
  (said: RegExp, changes: (urls: Urls) => readonly Change[] = () => []): Run =>
  async (project, file) => {
    const command = ["node", saved(project, file, changes(project.urls))];
    const qstash = {
      QSTASH_CURRENT_SIGNING_KEY: "sig_current0000000000000000",
      QSTASH_NEXT_SIGNING_KEY: "sig_next0000000000000000000",
    };
    const env = { WAYBILL_KEYS: newSecret(), ...qstash };
    const output = await run(command, { cwd: project.folder, env });
    if (!said.test(output)) throw new Error(`it should say ${said}:\n${output}`);
  };

/** Works until it has printed this, and ends by whatever the signal does: the page does not say how it ends. */
export const prints =
  (said: string, changes: (urls: Urls) => readonly Change[] = () => []): Run =>
  async (project, file) => {
    await runUntilItsOwnSigterm(said, ["node", saved(project, file, changes(project.urls))], { cwd: project.folder });
  };

/** Reaches its last line. */
export const loads =
  (changes: (urls: Urls) => readonly Change[] = () => []): Run =>
  async (project, file) => {
    saved(project, file, changes(project.urls));
    writeFileSync(join(project.folder, "loads.js"), `await import("./${file}");\nprocess.exit(0);\n`);
    await run(["node", "loads.js"], { cwd: project.folder });
  };

/** Two processes: one enqueues and sends over HTTP, the other is the page's. */
const sender = (type: string, payload: string): string => `
import { connect } from "@waybill/core";
import { sendOverHttp } from "@waybill/http";
const jobs = await connect("memory:", { log: "off" });
const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
await jobs.enqueue("${type}", ${payload});
const push = sendOverHttp({ to: process.argv[2], keys: process.env.WAYBILL_KEYS });
await jobs.worker({ jobs: [push], queues: ["default"] }).start();
console.log((await settled).outcome);
await jobs.close();
`;

/** Opens a server on 3000: it runs one job that is pushed to it, and ends on SIGTERM where the page says how. */
export const isPushedTo =
  (type: string, payload: string, said: string, more: readonly Change[] = []): Run =>
  async (project, file) => {
    const port = await freePort();
    saved(project, file, [["3000", String(port)], ...more]);
    writeFileSync(join(project.folder, "push.js"), sender(type, payload));
    const how = { cwd: project.folder, env: { WAYBILL_KEYS: newSecret() } };
    const command = text(project, file).includes("SIGTERM") ? ["node", file] : ["node", "--import", "./ends.js", file];
    writeFileSync(join(project.folder, "ends.js"), 'process.once("SIGTERM", () => process.exit(0));\n');
    const [, outcome] = await Promise.all([
      runUntil(said, command, how),
      run(["node", "push.js", `http://127.0.0.1:${port}/work`], how),
    ]);
    if (outcome.trim() !== "completed") throw new Error(`the sender says: ${outcome}`);
  };

/** Of the file that pages take for granted. */
export const receipt: Run = isPushedTo("receipt.send", '{ orderId: "o_1" }', "receipt for o_1, attempt 1");
export const greeting: Run = isPushedTo("greeting.print", '{ name: "Ada" }', "hello Ada");

/** Prints what an HTTP server of the page answers, then ends it. */
export const answers =
  (path: string, said: RegExp, at: string, headers: Readonly<Record<string, string>> = {}): Run =>
  async (project, file) => {
    const port = await freePort();
    saved(project, file, [[at, String(port)]]);
    const asks = `import "./${file}";
const answered = () => fetch("http://127.0.0.1:${port}${path}", { headers: ${JSON.stringify(headers)} }).catch(() => new Promise((wait) => setTimeout(wait, 20)).then(answered));
console.log(await (await answered()).text());
process.exit(0);
`;
    writeFileSync(join(project.folder, "asks.js"), asks);
    const backend = { WAYBILL_URL: "sqlite:./waybill.db", DASHBOARD_PASSWORD: "a long password" };
    const env = { PORT: String(port), WAYBILL_KEYS: newSecret(), ...backend };
    const output = await run(["node", "asks.js"], { cwd: project.folder, env });
    if (!said.test(output)) throw new Error(`it should answer ${said}:\n${output}`);
  };

export const sends: Run = async (project, file) => {
  const port = await freePort();
  const receiver = saved(project, "block-1.js", [["3000", String(port)]]);
  saved(project, file, [["3000", String(port)]]);
  const enqueues = `import { connect } from "@waybill/core";
const jobs = await connect(process.env.WAYBILL_URL);
await jobs.enqueue("greeting.print", { name: "Ada" });
await jobs.close();
`;
  writeFileSync(join(project.folder, "enqueues.js"), enqueues);
  const env = { WAYBILL_KEYS: newSecret(), WAYBILL_URL: "sqlite:./sent.db" };
  const how = { cwd: project.folder, env };
  await run(["node", "enqueues.js"], how);
  await Promise.all([runUntil("hello Ada", ["node", receiver], how), runUntil('"settled"', ["node", file], how)]);
};

export const importsOrders: Run = async (project, file) => {
  writeFileSync(join(project.folder, "orders.csv"), "o_1,2\no_2,5\n");
  await ends(/stored: 2, notStored: 0, unknown: 0/)(project, file);
};

export const usual: string = "postgres://app:secret@127.0.0.1:5432/shop";
/** The page's own tables are the reader's. */
const ordersTable = (url: string): string => `import pg from "pg";
const client = new pg.Client(${JSON.stringify(url)});
await client.connect();
await client.query("DROP TABLE IF EXISTS orders");
await client.query("CREATE TABLE orders (id text PRIMARY KEY, receipt boolean NOT NULL DEFAULT false)");
await client.end();
`;

const hasReceipt = (url: string): string => `import pg from "pg";
const client = new pg.Client(${JSON.stringify(url)});
await client.connect();
const { rows } = await client.query("SELECT receipt FROM orders");
await client.end();
if (JSON.stringify(rows) !== '[{"receipt":true}]') throw new Error(JSON.stringify(rows));
`;

/** Runs to its end, beside a table of orders. */
export const endsBesideOrders =
  (said: RegExp): Run =>
  async (project, file) => {
    writeFileSync(join(project.folder, "tables.js"), ordersTable(project.urls.postgres));
    await run(["node", "tables.js"], { cwd: project.folder });
    await ends(said, ({ postgres }) => [[usual, postgres]])(project, file);
  };

export const completesInPostgres: Run = async (project, file) => {
  saved(project, file, [[usual, project.urls.postgres]]);
  const output = await runUntil('"settled"', ["node", file], { cwd: project.folder });
  await run(["node", "--input-type=module", "-e", hasReceipt(project.urls.postgres)], { cwd: project.folder });
  // Each run of the page about transactions has left a job that another program is to run.
  if (!/"completed":[1-9]\d*,"retried":0,"released":0,"dead":0,/.test(output))
    throw new Error(`it should report its completed job:\n${output}`);
};

export const isInvoked: Run = async (project, file) => {
  saved(project, file);
  const invokes = `import { handler } from "./${file}";
const body = JSON.stringify({ spec: "waybill/1", id: "019539a4-b68c-7def-8000-1a2b3c4d5e6f", type: "greeting.print", args: [{ name: "Ada" }] });
const eventSourceARN = "arn:aws:sqs:eu-west-1:111122223333:shop-default";
const record = { messageId: "1", receiptHandle: "1", body, attributes: { ApproximateReceiveCount: "1" }, messageAttributes: {}, eventSource: "aws:sqs", eventSourceARN, awsRegion: "eu-west-1" };
console.log(JSON.stringify(await handler({ Records: [record] }, { getRemainingTimeInMillis: () => 60_000 })));
`;
  writeFileSync(join(project.folder, "invokes.js"), invokes);
  const output = await run(["node", "invokes.js"], { cwd: project.folder });
  if (!/hello Ada/.test(output) || !output.includes('"batchItemFailures":[]')) throw new Error(output);
};

export const underVitest =
  (name: string): Run =>
  async (project, file) => {
    writeFileSync(join(project.folder, name), text(project, file));
    const output = await run(["npx", "--no-install", "vitest", "run", name], { cwd: project.folder });
    if (!/Tests .*\d+ passed/.test(output)) throw new Error(output);
  };

export const underNodeTest: Run = async (project, file) => {
  const output = await run(["node", "--test", "--test-reporter=tap", saved(project, file)], { cwd: project.folder });
  if (!/^# pass [1-9]/m.test(output) || !/^# fail 0$/m.test(output)) throw new Error(output);
};

export const runsInNest: Run = async (project) => {
  await compileNest(project.folder, nestFiles);
  const output = await runUntilItsOwnSigterm('"settled"', ["node", "dist/main.js"], { cwd: project.folder });
  if (!output.includes("receipt for o_1") || !output.includes('"completed":1')) throw new Error(output);
};

/** Its class is a controller: that it compiles in Nest's stock project, and loads, is all that is to be seen of it alone. */
export const loadsInNest: Run = async (project, file) => {
  await compileNest(project.folder, [file]);
  await run(["node", `dist/${file.replace(/ts$/, "js")}`], { cwd: project.folder });
};

/** The commands of the page that hold this text. */
function shellWith({ page }: PageProject, said: string): string[] {
  const shown = blocks.find((block) => block.page === page && block.language === "sh" && block.code.includes(said));
  if (shown === undefined) throw new Error(`${page} shows no ${said} any more`);
  return shown.code.trimEnd().split("\n");
}

/** The commands as they stand, the last of which works until it is ended. */
export const runsInAShell: Run = async (project) => {
  const { folder } = project;
  const lines = shellWith(project, "waybill worker");
  const worker = lines.pop() ?? "";
  const how = { cwd: folder, env: { WAYBILL_URL: "sqlite:./cli.db" } };
  await run(["bash", "-euo", "pipefail", "-c", lines.join("\n")], how);
  const output = await runUntilCtrlC("Hello, Ada.", ["bash", "-c", `exec ${worker}`], how);
  if (!output.includes('"completed":1')) throw new Error(`it did not report its end:\n${output}`);
  const [keys = "", push = ""] = shellWith(project, "waybill push");
  await runUntilCtrlC('"booted"', ["bash", "-c", `${keys}\nexec ${push}`], how);
  // The second line there reads what a producer of the reader's prints.
  const [check = ""] = shellWith(project, "waybill check job.json");
  writeFileSync(
    join(folder, "job.json"),
    '{"spec":"waybill/1","id":"019539a4-b68c-7def-8000-1a2b3c4d5e6f","type":"a.b","args":[]}',
  );
  await run(["bash", "-c", check], how);
};

/** The page's commands until one that works, which prints this and is ended by Ctrl-C. `at`: its port. */
export const servesInAShell =
  (command: string, said: string, at?: string): Run =>
  async (project) => {
    const line = shellWith(project, command).find((one) => one.includes(command)) ?? "";
    const port = String(await freePort());
    const asked = at === undefined ? `${line.replace(/ *#.*/, "")} --port ${port}` : line.replace(at, port);
    await runUntilCtrlC(said, ["bash", "-c", `exec ${asked}`], { cwd: project.folder });
  };
