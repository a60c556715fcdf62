import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entries } from "./entries.ts";
import { run } from "./program.ts";
import type { Stranger } from "./stranger.ts";

/** One job from enqueue to settled, whichever way the packages were loaded. */
const oneJob = `
async function oneJob({ connect, defineJob }, { sqliteBackend }) {
  const greet = defineJob({ type: "greeting.print", handler: ({ name }) => console.log("hello " + name) });
  const jobs = await connect(sqliteBackend({ path: process.argv[2] }), { jobs: [greet], log: "off" });
  const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
  await jobs.enqueue(greet, { name: "Ada" });
  await jobs.worker({ jobs: [greet] }).start();
  await settled;
  await jobs.close();
}
`;

/** `import` and \`require\` give the same copy: two in a process would not know each other's state. */
const oneCopy = `
for (const entry of ${JSON.stringify(entries)}) {
  const required = require(entry);
  import(entry).then((imported) => {
    const other = Object.keys(required).filter((name) => imported[name] !== required[name]);
    if (other.length > 0) console.log(entry + " is there twice: " + other.join(", "));
  });
}
`;

/** Imports every entry, then runs a job. */
export async function loadsAsEsm({ folder }: Stranger): Promise<void> {
  const imports = entries.map((entry) => `await import(${JSON.stringify(entry)});\n`).join("");
  const job = `${oneJob}await oneJob(await import("@waybill/core"), await import("@waybill/sqlite"));\n`;
  writeFileSync(join(folder, "load.js"), imports + job);
  await saysHello(["node", "load.js", "load.db"], folder);
}

/** Requires every entry in a project that is CommonJS throughout, then runs a job. */
export async function loadsAsCommonJs({ folder }: Stranger): Promise<void> {
  const project = join(folder, "commonjs");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "commonjs" }));
  const requires = entries.map((entry) => `require(${JSON.stringify(entry)});\n`).join("");
  const job = `${oneJob}oneJob(require("@waybill/core"), require("@waybill/sqlite"));\n`;
  writeFileSync(join(project, "load.js"), requires + oneCopy + job);
  await saysHello(["node", "commonjs/load.js", "commonjs.db"], folder);
}

async function saysHello(command: readonly string[], cwd: string): Promise<void> {
  const output = await run(command, { cwd });
  if (output.trim() !== "hello Ada")
    throw new Error(`${command.join(" ")} should say hello and nothing else:\n${output}`);
}
