import { expect, onTestFinished, test } from "vitest";
import { rejectedEntry } from "../../src/jobs/rejected-entries.ts";
import { freshPrefix, open, redisClient } from "../redis.ts";

/** A store with so many rejected entries in the queue "mail", the last one newest, and what Redis is asked for meanwhile. */
async function rejecting(count: number) {
  const [prefix, redis] = [freshPrefix(), await redisClient()];
  const list = `${prefix}:inbox:mail:rejected`;
  const entries = Array.from({ length: count }, (_, n) =>
    rejectedEntry(Buffer.from(`{"id":"r${n}"}`), { code: "FIELD_MISSING", message: `number ${n}` }, `rejected-${n}`),
  );
  for (const entry of entries) await redis.lpush(list, entry);
  const { inspector } = await open({ prefix });
  const monitor = await redis.duplicate({ lazyConnect: false }).monitor();
  onTestFinished(() => monitor.disconnect());
  const asked: string[] = [];
  monitor.on("monitor", (_time: string, [command = "", key, ...rest]: string[]) => {
    if (command.toLowerCase() === "lrange" && key === list) asked.push(rest.join(" "));
  });
  return { inspector, asked, list, redis };
}

test("of many rejected entries no more are read than are asked for", async () => {
  const { inspector, asked } = await rejecting(300);
  const letters = await inspector.deadLetters({ queue: "mail", limit: 10 });
  expect(letters.map(({ reason }) => reason.message)).toEqual(
    Array.from({ length: 10 }, (_, n) => `number ${299 - n}`),
  );
  await expect.poll(() => asked).toEqual(["0 9"]);
});

test("one is found by its id however many were rejected since, a page at a time", async () => {
  const { inspector, asked, list, redis } = await rejecting(1_200);
  const [oldest] = (await inspector.deadLetters({ queue: "mail", limit: 1_200 })).slice(-1);
  if (oldest === undefined) throw new Error("nothing was rejected");
  expect(oldest.reason.message).toBe("number 0");
  expect(await inspector.deadLetters({ queue: "mail", ids: [oldest.id] })).toEqual([oldest]);
  const pages = ["0 499", "500 999", "1000 1499"];
  await expect.poll(() => asked).toEqual([...pages, ...pages]);
  expect(await inspector.drop({ queue: "mail", ids: [oldest.id] })).toBe(1);
  expect(await redis.llen(list)).toBe(1_199);
});
