import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, freshPlace, linesOf, nodeArguments, type Running, startProgram, until, waybill } from "../cli.ts";

const NEW_PIDS = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
const WORKER = ["worker", "--jobs", fixture("jobs"), "--queues", "slow"];

/** What a container starts as PID 1, given the command line of the worker. */
type Form = (folder: string, command: readonly string[]) => readonly string[];

const quoted = (command: readonly string[]): string => command.map((word) => `'${word}'`).join(" ");

/** A folder whose package.json starts the worker. */
function npm(folder: string, command: readonly string[]): readonly string[] {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ scripts: { start: quoted(command) } }));
  return ["npm", "start"];
}

const DRAIN: readonly (readonly [string, Form])[] = [
  ["the exec form", (_folder, command) => command],
  ["a shell that ends in `exec`", (_folder, command) => ["sh", "-c", `true && exec ${quoted(command)}`]],
  ["tini", (_folder, command) => ["tini", "--", ...command]],
];

const LOSE: readonly (readonly [string, string, Form])[] = [
  ["the shell form", "`sh` is PID 1", (_folder, command) => ["sh", "-c", `${quoted(command)}; true`]],
  ["npm start", "`npm start` is PID 1", npm],
  ["npx", "`npm exec` is PID 1", (_folder, command) => ["npx", "-c", quoted(command)]],
];

/** pm2 writes this over its command line, starts the program without a terminal, and passes its settings on as variables. */
const PM2 = `
  process.title = "PM2 v6.0.5: God Daemon (/home/app/.pm2)";
  const [program, ...rest] = process.argv.slice(1);
  const child = require("node:child_process").spawn(program, rest, { detached: true, stdio: "inherit" });
  process.on("SIGINT", () => child.kill("SIGINT"));
  child.on("exit", (code) => process.exit(code ?? 1));`;

for (const [setting, env] of [
  ["without a kill_timeout, a worker warns", {}],
  ["with a kill_timeout, a worker warns of nothing", { kill_timeout: "32000" }],
] as const) {
  test(`started by pm2 ${setting}, and ends by SIGINT`, async () => {
    const place = freshPlace();
    await waybill(["enqueue", "slow.step", "--jobs", fixture("jobs")], { env: place.env });
    const command = [process.execPath, ...nodeArguments, ...WORKER, "--json", "--drain", "200ms"];
    const pm2 = startProgram([process.execPath, "-e", PM2, ...command], { ...place.env, ...env }, place.folder);
    await until("the job has started", () => pm2.stdout().includes('"event":"started"'));
    pm2.child.kill("SIGINT");
    const { stderr } = await pm2.ended;
    expect(linesOf(pm2).at(-1)).toMatchObject({ event: "stopped", reason: "SIGINT", released: 1 });
    if ("kill_timeout" in env) expect(stderr).toBe("");
    else expect(stderr).toMatch(/`pm2` started the worker: it kills the worker 1\.6 s after.*kill_timeout: 32000/);
  });
}

/** A worker in a PID namespace of its own, in the middle of a job. */
async function running(form: Form, limits: readonly string[]): Promise<Running & { readonly pid1: number }> {
  const { folder, env } = freshPlace();
  await waybill(["enqueue", "slow.step", "--jobs", fixture("jobs")], { env });
  const command = [process.execPath, ...nodeArguments, ...WORKER, "--json", ...limits];
  const offline = { HOME: folder, npm_config_update_notifier: "false" };
  const worker = startProgram([...NEW_PIDS, ...form(folder, command)], { ...env, ...offline }, folder);
  await until("the job has started", () => worker.stdout().includes('"event":"started"'));
  const parent = worker.child.pid ?? 0;
  return { ...worker, pid1: Number(readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8")) };
}

for (const [name, form] of DRAIN) {
  test(`R61: started by ${name}, a worker warns of nothing and releases its job at SIGTERM`, async ({ skip }) => {
    skip(process.getuid?.() !== 0, "needs root for a PID namespace");
    const worker = await running(form, ["--drain", "200ms"]);
    process.kill(worker.pid1, "SIGTERM");
    const { code, stderr } = await worker.ended;
    expect(linesOf(worker).at(-1)).toMatchObject({ event: "stopped", reason: "SIGTERM", released: 1, unfinished: 0 });
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });
}

for (const [name, said, form] of LOSE) {
  test(`R61: started by ${name}, a worker warns, and SIGTERM does not reach it`, async ({ skip }) => {
    skip(process.getuid?.() !== 0, "needs root for a PID namespace");
    const worker = await running(form, []);
    process.kill(worker.pid1, "SIGTERM");
    // npm ends, and with PID 1 every process. A shell as PID 1 ignores the signal, until the platform kills it.
    const hasEnded = (): boolean => worker.child.exitCode !== null || worker.child.signalCode !== null;
    await until("the job or the namespace has ended", () => hasEnded() || worker.stdout().includes("settled"));
    worker.child.kill("SIGKILL");
    const { stderr, stdout } = await worker.ended;
    expect(stderr).toContain(`${said} and started the worker`);
    expect(stderr).toContain('CMD ["node_modules/.bin/waybill", "worker"');
    expect(stdout).not.toContain('"event":"stopped"');
  });
}
