import { serviceUrl } from "@waybill/test-servers";
import { type Child, childrenOf } from "@waybill/test-servers/fixtures";
import { afterEach, expect, test } from "vitest";
import { freshSchema, lease, message, open, sql } from "../database.ts";

const start = childrenOf(new URL("../children/key-races.ts", import.meta.url), afterEach);

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const errorsOf = (children: readonly Child[]): string[] =>
  children.flatMap((child) => child.lines().filter((line) => line.startsWith("error")));

/** Starts workers, and kills one after the other, each time once all of them work, until `isOver` says so, at most `kills` times. */
async function workers(count: number, kills: number, begin: () => Child, isOver: () => boolean): Promise<Child[]> {
  const all = Array.from({ length: count }, begin);
  const running = [...all];
  for (let kill = 0; kill < kills && !isOver(); kill += 1) {
    await Promise.all(running.map((child) => child.firstLines(1)));
    await sleep(100 + Math.random() * 300);
    running[kill % count]?.kill();
    const next = begin();
    all.push(next);
    running[kill % count] = next;
  }
  return all;
}

test("of 2,000 enqueues by 4 processes over 100 keys, while workers run and die, no two unfinished jobs have one key, and none stays taken", async () => {
  const schema = freshSchema();
  const url = await serviceUrl("postgres");
  const backend = await open({ schema });
  // A second job of a key would be refused by the server here, whatever our own columns say.
  await sql(`CREATE UNIQUE INDEX ON "${schema}".jobs (unique_key)`);
  const producers = [1, 2, 3, 4].map(() => start(["produce"], { url, schema, count: 100 }));
  const produced = Promise.all(producers.map(({ ended }) => ended));
  let isOver = false;
  void produced.finally(() => (isOver = true));
  const all = await workers(
    2,
    Infinity,
    () => start(["work"], { url, schema, most: 0 }),
    () => isOver,
  );
  expect(await produced).toEqual([0, 0, 0, 0]);
  for (const child of all) child.kill();
  expect(errorsOf([...producers, ...all])).toEqual([]);

  const drained = async (): Promise<number> => {
    await backend.ack(await lease(backend, { limit: 100, waitMs: 100 }));
    return (await sql(`SELECT 1 FROM "${schema}".jobs`)).length;
  };
  await expect.poll(drained, { timeout: 20_000 }).toBe(0);
  const again = Array.from({ length: 100 }, (_, key) =>
    message({ unique: { key: `k${key}`, until: "end", onConflict: "reject" } }),
  );
  const results = await backend.enqueue(again);
  expect(results.filter((result) => !result.ok || !result.value.stored)).toEqual([]);
});

test("while workers are killed, no key has two leases at any time, every job runs, and no slot stays taken", async () => {
  const schema = freshSchema();
  const url = await serviceUrl("postgres");
  const backend = await open({ schema });
  await sql(`CREATE UNIQUE INDEX ON "${schema}".jobs ((limit_keys[1])) WHERE token IS NOT NULL`);
  const hot = Array.from({ length: 100 }, () => message({ limitKeys: { sync: "hot" } }));
  const others = Array.from({ length: 200 }, (_, at) => message({ limitKeys: { sync: `k${at % 25}` } }));
  await backend.enqueue([...hot, ...others, message(), message()]);
  const left = async (): Promise<number> => (await sql(`SELECT 1 FROM "${schema}".jobs`)).length;
  const all = await workers(
    3,
    12,
    () => start(["work"], { url, schema, most: 1 }),
    () => false,
  );
  await expect.poll(left, { timeout: 90_000, interval: 100 }).toBe(0);
  for (const child of all) child.kill();
  expect(errorsOf(all)).toEqual([]);
  expect(await sql(`SELECT * FROM "${schema}".slots`)).toEqual([]);
});
