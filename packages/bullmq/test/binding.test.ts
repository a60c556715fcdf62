import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, defineJob } from "@waybill/core";
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

const hasRedisCli = spawnSync("redis-cli", ["--version"]).status === 0;

test("R18: the documented redis-cli line enqueues a job that runs", async (context) => {
  if (!hasRedisCli) context.skip("redis-cli is not installed");
  const prefix = freshPrefix();
  const { port } = new URL(await redisUrl());
  execFileSync("bash", ["-c", example("sh", prefix).replace("redis-cli", `redis-cli -p ${port || 6_379}`)]);
  const names: unknown[] = [];
  const greet = defineJob({ type: "greeting.print", handler: (payload) => void names.push(payload) });
  const jobs = await connect(fromUrl(`${await redisUrl()}?prefix=${prefix}`), { log: "off" });
  onTestFinished(() => jobs.close());
  await jobs.worker({ jobs: [greet] }).start();
  await expect.poll(() => names, { timeout: 10_000 }).toEqual([{ name: "redis-cli" }]);
});
