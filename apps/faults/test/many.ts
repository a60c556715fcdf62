import { connect, type Jobs, newId } from "@waybill/core";
import { watchLoop } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { targets } from "../src/backends.ts";
import { drained } from "../src/catalogue/scenarios/enqueue-many.ts";
import { blink } from "../src/jobs.ts";
import { freshStore } from "./stores.ts";

const itemsOf = (ids: readonly string[]) => ids.map((id) => ({ job: blink, payload: {}, options: { id } }));
const idsOf = (count: number): string[] => Array.from({ length: count }, () => newId());

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
}
