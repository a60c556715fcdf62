import assert from "node:assert/strict";
import { isWaybillError, newId } from "@waybill/core";
import type { DurableTarget } from "../../backends.ts";
import { blink } from "../../jobs.ts";
import { onServers, type Scenario } from "../frame/scenario.ts";

const itemsOf = (ids: readonly string[]) => ids.map((id) => ({ job: blink, payload: {}, options: { id } }));

/** Takes out all that is in the store, and returns how often each id was there. */
export async function drained({ factory }: DurableTarget, url: string): Promise<Map<string, number>> {
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
      for (const { ok } of await backend.ack(leases)) assert.ok(ok, "each lease holds");
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()]);
  await backend.close();
  return counts;
}

export const enqueueManyFrozen: Scenario = {
  name: "enqueue many to a frozen server",
  promise:
    "With the server frozen in the middle of an enqueueMany, each job is reported as stored, not stored or unknown, and the unknown may be enqueued again.",
  rows: [],
  on: onServers,
  duplicates: {
    most: "measured",
    why: "where ids are not unique, a job that was unknown may be there twice",
  },
  load: "works",
  server: "own",
  async run({ server, freshStore, connected, target, pick }) {
    const frozen = await server();
    const { url } = await freshStore();
    const jobs = await connected(url, { enqueueTimeout: "2s" });
    const [stored, unknown, notStored]: Set<string>[] = [new Set(), new Set(), new Set()] as const;
    const freezeAfter = target.crowd / pick(20, 4);
    const ids = Array.from({ length: target.crowd * 2.5 }, () => newId());
    let frozenAt = 0;
    const ended = jobs.enqueueMany(itemsOf(ids).values(), (result, { options: { id } }) => {
      if (result.ok) stored.add(id);
      else if (isWaybillError(result.error, "ENQUEUE_UNKNOWN")) unknown.add(result.error.id);
      else notStored.add(id);
      if (frozenAt !== 0 || stored.size < freezeAfter) return;
      frozen.freeze();
      frozenAt = performance.now();
    });
    await assert.rejects(ended, /stopped after \d+ items/);
    const stoppedMs = performance.now() - frozenAt;
    frozen.thaw();
    assert.ok(unknown.size > 0, "some are unknown");
    const other = await connected(url, { enqueueTimeout: "10s" });
    const again = await other.enqueueMany(itemsOf([...unknown]));
    assert.deepEqual(
      again.filter(({ ok }) => !ok),
      [],
      "the unknown are stored now",
    );
    const found = await drained(target, url);
    const accepted = [...stored, ...unknown];
    const foreign = [...found.keys()].filter((id) => !stored.has(id) && !unknown.has(id));
    const twice = [...found].filter(([, times]) => times > 1).map(([id]) => id);
    const odd = target.uniqueIds ? twice : twice.filter((id) => !unknown.has(id));
    return {
      accepted: accepted.length,
      lost: accepted.filter((id) => !found.has(id)),
      duplicated: twice.length,
      predicted: target.uniqueIds ? 0 : unknown.size,
      violations: [
        // Twice the timeout, and a busy machine's share.
        ...(stoppedMs < 4_000 + 3_000 ? [] : [`enqueueMany stopped ${Math.round(stoppedMs)} ms after the freeze`]),
        ...(foreign.length === 0 ? [] : [`${foreign.length} jobs are stored that were reported as not stored`]),
        ...(odd.length === 0 ? [] : [`${odd.length} jobs are stored twice`]),
      ],
    };
  },
};
