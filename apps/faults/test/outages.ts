import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@waybill/core";
import { expect, test } from "vitest";
import { type FaultTarget, type Store, targets } from "../src/backends.ts";
import { blink } from "../src/jobs.ts";
import { eventually, type Running } from "../src/process.ts";
import { readDeeds, readLines } from "../src/record.ts";
import { freshStore, serverOf, started, wired } from "./stores.ts";

/** A promise of every backend: work goes on by itself this soon after the server is back. */
const BACK_WITHIN_MS = 15_000;

/** What happens to the server, or to the way there. Resolves when it is over. */
interface Outage {
  readonly name: string;
  readonly strike: (target: FaultTarget, store: Store) => Promise<{ url: string; during: () => Promise<void> }>;
}

const outages: readonly Outage[] = [
  {
    name: "restarted under load",
    async strike(target, { url }) {
      const server = await serverOf(target);
      return { url, during: async () => server?.restart() };
    },
  },
  {
    name: "killed under load and away for 3 s",
    async strike(target, { url }) {
      const server = await serverOf(target);
      return {
        url,
        async during() {
          await sleep(target.ripeMs);
          await server?.kill();
          await sleep(3_000);
          await server?.restart();
        },
      };
    },
  },
  ...(["reset", "silence"] as const).map((how) => ({
    name: `cut off for 10 s by ${how === "reset" ? "broken connections" : "a wire that goes silent"}`,
    async strike(target: FaultTarget, store: Store) {
      const { wire, url } = await wired(target, store);
      return {
        url,
        async during() {
          wire.cut(how);
          await sleep(10_000);
          wire.heal();
        },
      };
    },
  })),
];

const settled = (worker: Running): number => worker.lines.filter(({ event }) => event === "settled").length;

/** Says for a failed test what the store still has. */
async function whereJobsAre(url: string): Promise<string> {
  const jobs = await connect(url, { log: "off" });
  const counts = await jobs.inspector?.counts(["default"]);
  const letters = await jobs.inspector?.deadLetters({ limit: 3 });
  await jobs.close();
  return JSON.stringify({ counts, letters: letters?.map(({ id, reason }) => ({ id, code: reason.code })) });
}

/** What each backend with a server must survive; a file of its own for each, because most of it is waiting. */
export function survivesOutages(name: string): void {
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no backend is called "${name}"`);
  test.each(outages)(
    "R29: $name, producer and worker go on by themselves within 15 s, and nothing accepted is lost",
    async ({ strike }) => {
      const store = await freshStore(target);
      const { url, during } = await strike(target, store);
      const [record, promised] = [join(store.folder, "deeds"), join(store.folder, "promised")];
      const worker = started(
        "worker",
        url,
        record,
        JSON.stringify({ queues: ["default"], concurrency: 20, lease: "5s" }),
      );
      const producer = started("producer", url, promised, "default", "1000000", "persistent", String(target.restMs));
      await eventually(() => settled(worker) > 100, "both are at work", 60_000);
      await during();
      const [ranBefore, promisedBefore] = [settled(worker), readLines(promised).length];
      await eventually(() => settled(worker) > ranBefore + 20, "the worker goes on", BACK_WITHIN_MS);
      await eventually(() => readLines(promised).length > promisedBefore + 20, "the producer goes on", BACK_WITHIN_MS);
      producer.kill("SIGKILL");
      await producer.ended;
      const ids = readLines(promised);
      const missing = (): string[] => {
        const ran = new Set(readDeeds(record).map(({ id }) => id));
        return ids.filter((id) => !ran.has(id));
      };
      await eventually(() => missing().length === 0, "everything accepted has run", 120_000).catch(() => null);
      expect(missing(), await whereJobsAre(store.url)).toEqual([]);
      worker.kill("SIGTERM");
      expect(await worker.ended).toBe(0);
    },
  );

  test("R39: a worker whose broker is frozen ends within its limits on SIGTERM", async () => {
    const server = await serverOf(target);
    const store = await freshStore(target);
    const worker = started("worker", store.url, join(store.folder, "deeds"), JSON.stringify({ queues: ["default"] }));
    await eventually(() => worker.lines.some(({ event }) => event === "booted"), "the worker is up");
    await sleep(500);
    server?.freeze();
    const asked = performance.now();
    worker.kill("SIGTERM");
    await worker.ended;
    // drain 1 s, abort 1 s, close 2 s, and a second to spare.
    expect(performance.now() - asked).toBeLessThan(5_000);
    server?.thaw();
  });

  test.each(["frozen", "gone"] as const)(
    "an enqueue with the broker %s rejects within its timeout, and closing does not hang",
    async (how) => {
      const server = await serverOf(target);
      const { url } = await freshStore(target);
      const jobs = await connect(url, { log: "off", enqueueTimeout: "3s", closeTimeout: "2s" });
      await jobs.enqueue(blink, {});
      await (how === "frozen" ? server?.freeze() : server?.kill());
      const asked = performance.now();
      const refused = jobs.enqueue(blink, {});
      await expect(refused).rejects.toMatchObject({
        code: expect.stringMatching(/^(ENQUEUE_UNKNOWN|BACKEND_UNAVAILABLE)$/),
      });
      expect(performance.now() - asked).toBeLessThan(4_000);
      const closing = performance.now();
      await jobs.close();
      expect(performance.now() - closing).toBeLessThan(3_000);
      await (how === "frozen" ? server?.thaw() : server?.restart());
    },
  );
}
