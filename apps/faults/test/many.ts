import { connect, type Jobs, isWaybillError, newId } from "@waybill/core";
import { watchLoop } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { type FaultTarget, targets } from "../src/backends.ts";
import { blink } from "../src/jobs.ts";
import { freshStore, serverOf } from "./stores.ts";

const itemsOf = (ids: readonly string[]) => ids.map((id) => ({ job: blink, payload: {}, options: { id } }));
const idsOf = (count: number): string[] => Array.from({ length: count }, () => newId());

/** Takes out all that is in the store, and returns how often each id was there. */
async function drained({ factory }: FaultTarget, url: string): Promise<Map<string, number>> {
  const refuse = (): never => {
    throw new Error("nothing foreign is here");
  };
  const report = { rejected() {}, failed() {}, succeeded() {} };
  const backend = await factory(url)({ admit: refuse, report });
  const limit = Math.min(100, backend.capabilities.maxBatch);
  const request = { queue: "default", limit, leaseMs: 60_000, waitMs: 2_000, signal: new AbortController().signal };
  const counts = new Map<string, number>();
  async function lane(): Promise<void> {
    for (;;) {
      const leases = await backend.lease(request);
      if (leases.length === 0) return;
      for (const { id } of leases) counts.set(id, (counts.get(id) ?? 0) + 1);
      for (const { ok } of await backend.ack(leases)) expect(ok).toBe(true);
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()]);
  await backend.close();
  return counts;
}

async function opened(url: string, enqueueTimeout: "2s" | "10s"): Promise<Jobs> {
  const jobs = await connect(url, { log: "off", enqueueTimeout });
  onTestFinished(() => jobs.close());
  return jobs;
}

/** What `enqueueMany` promises on each backend. */
export function takesMany(name: string): void {
  const target = targets.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no backend is called "${name}"`);
  const count = target.crowd;

  test(`${count} jobs of one enqueueMany are all stored, once each, and the loop goes on meanwhile`, async () => {
    const { url } = await freshStore(target);
    const jobs = await opened(url, "10s");
    const items = itemsOf(idsOf(count));
    const loop = watchLoop();
    const results = await jobs.enqueueMany(items);
    const longest = loop.end();
    console.log(`${name}: longest block of the loop: ${longest.toFixed(0)} ms of CPU`);
    expect(results.filter(({ ok }) => !ok)).toEqual([]);
    const found = await drained(target, url);
    expect(found.size).toBe(count);
    expect([...found.values()].filter((times) => times !== 1)).toEqual([]);
    expect(longest).toBeLessThan(250);
  });

  if (target.startServer === null) return;
  test("with the broker frozen in the middle, each job is reported as stored, not stored or unknown, and the unknown may be enqueued again", async () => {
    const server = await serverOf(target);
    const { url } = await freshStore(target);
    const jobs = await opened(url, "2s");
    const [stored, unknown, notStored]: Set<string>[] = [new Set(), new Set(), new Set()] as const;
    const freezeAfter = target.crowd / 4;
    const ids = idsOf(target.crowd * 2.5);
    const begun = performance.now();
    let frozenAt = 0;
    const ended = jobs.enqueueMany(itemsOf(ids).values(), (result, { options: { id } }) => {
      if (result.ok) stored.add(id);
      else if (isWaybillError(result.error, "ENQUEUE_UNKNOWN")) unknown.add(result.error.id);
      else notStored.add(id);
      if (frozenAt !== 0 || stored.size < freezeAfter) return;
      server?.freeze();
      frozenAt = performance.now();
    });
    await expect(ended).rejects.toThrow(/stopped after \d+ items/);
    // Twice the timeout, and a busy machine's share.
    expect(performance.now() - frozenAt).toBeLessThan(4_000 + 3_000);
    server?.thaw();
    expect(unknown.size).toBeGreaterThan(0);
    console.log(
      `${name}: of ${ids.length}, ${stored.size} stored in ${(frozenAt - begun).toFixed(0)} ms, ${unknown.size} unknown, ${notStored.size} not stored`,
    );
    const other = await opened(url, "10s");
    const again = await other.enqueueMany(itemsOf([...unknown]));
    expect(again.filter(({ ok }) => !ok)).toEqual([]);
    const found = await drained(target, url);
    expect(new Set(found.keys())).toEqual(new Set([...stored, ...unknown]));
    const twice = [...found].filter(([, times]) => times > 1).map(([id]) => id);
    expect(target.uniqueIds ? twice : twice.filter((id) => !unknown.has(id))).toEqual([]);
  });
}
