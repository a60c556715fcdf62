import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, defineJob } from "@waybill/core";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { fromUrl } from "../src/index.ts";
import { freshPrefix, redisUrl } from "./redis.ts";

const page = readFileSync(new URL("../../../spec/1.0/bindings/redis.md", import.meta.url), "utf8");

/** The first example of that language on the page, with another prefix. */
function example(language: string, prefix: string): string {
  const code = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)?.[1];
  if (code === undefined) throw new Error(`the page has no example in ${language}`);
  return code.replaceAll("waybill:inbox", `${prefix}:inbox`);
}

test("BullMQ itself, and so bull-board, shows why a job died and where", async () => {
  const prefix = freshPrefix();
  const charge = defineJob({
    type: "card.charge",
    retry: { maxAttempts: 1 },
    handler: () => {
      throw new TypeError("no money", { cause: new RangeError("limit of 7") });
    },
  });
  const jobs = await connect(fromUrl(`${await redisUrl()}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  const dead = new Promise((resolve) => jobs.events.on("settled", resolve));
  const worker = jobs.worker({ jobs: [charge] });
  await worker.start();
  const { id } = await jobs.enqueue(charge, null);
  await dead;
  await worker.stop();
  const queue = new Queue("default", { prefix, connection: { url: await redisUrl() } });
  onTestFinished(() => queue.close());
  const { failedReason, stacktrace } = (await queue.getJob(id)) ?? {};
  expect(failedReason).toBe(
    "ATTEMPTS_EXHAUSTED: attempt 1 of 1 failed: TypeError: no money; caused by RangeError: limit of 7",
  );
  expect(stacktrace).toHaveLength(1);
  expect(stacktrace?.[0]).toMatch(
    /^TypeError: no money\n {4}at .*binding\.test\.ts[^]*\ncaused by RangeError: limit of 7\n/,
  );

  await jobs.inspector?.replay({ ids: [id] });
  const replayed = await queue.getJob(id);
  expect([replayed?.failedReason, replayed?.stacktrace]).toEqual([undefined, []]);
  const redis = new Redis(await redisUrl());
  onTestFinished(() => redis.disconnect());
  expect(await redis.hexists(queue.toKey(id), "waybill-error")).toBe(0);
});

/** The payloads that a worker runs of what is in the inbox under that prefix. */
async function expectRuns(prefix: string, payload: unknown): Promise<void> {
  const payloads: unknown[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (given) => void payloads.push(given) });
  const jobs = await connect(fromUrl(`${await redisUrl()}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  await jobs.worker({ jobs: [greet] }).start();
  await expect.poll(() => payloads, { timeout: 10_000 }).toEqual([payload]);
}

const hasRedisCli = spawnSync("redis-cli", ["--version"]).status === 0;

test("R18: the documented redis-cli line enqueues a job that runs", async (context) => {
  if (!hasRedisCli) context.skip("redis-cli is not installed");
  const prefix = freshPrefix();
  const { port } = new URL(await redisUrl());
  execFileSync("bash", ["-c", example("sh", prefix).replace("redis-cli", `redis-cli -p ${port || 6_379}`)]);
  await expectRuns(prefix, { name: "redis-cli" });
});

test("the documented program in Python enqueues a job that runs", async (context) => {
  // Debian's library belongs to Debian's Python, which need not be the first one.
  const programs = ["python3", "/usr/bin/python3"];
  const program = programs.find((one) => spawnSync(one, ["-c", "import redis"]).status === 0);
  if (program === undefined) return context.skip("python3 with redis is not on this machine");
  const prefix = freshPrefix();
  const { port } = new URL(await redisUrl());
  const code = example("python", prefix).replace("redis.Redis()", `redis.Redis(port=${port || 6_379})`);
  const { status, stderr } = spawnSync(program, ["-c", code], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  await expectRuns(prefix, { name: "python" });
  return undefined;
});
