import assert from "node:assert/strict";
import {
  type Backend,
  type JobControl,
  type JobQuery,
  jobControlOf,
  type Message,
  type StoredJob,
} from "@waybill/core/backend";
import type { Bench, ContractCase } from "../contract-case.ts";
import { allOf, controllable } from "./applies-to.ts";

/** A rule about job control. */
export const controlRule = (
  name: string,
  run: ContractCase["run"],
  ...more: readonly NonNullable<ContractCase["appliesTo"]>[]
): ContractCase => ({ subject: "control", name, appliesTo: allOf(controllable, ...more), run });

/** Returns the job control of a backend that has it. */
export function controlOf({ backend }: { readonly backend: Backend }): JobControl {
  const found = jobControlOf(backend);
  assert.ok(found);
  return found;
}

/** Ids, sorted: in which order jobs are listed is the store's own affair. */
export const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id).toSorted();

/** Lists every page. `between` runs after each page but the last. Fails where a page adds nothing to the ones before. */
export async function listAll(
  bench: Pick<Bench, "backend">,
  query: JobQuery = {},
  between: (page: readonly StoredJob[]) => Promise<unknown> = async () => undefined,
): Promise<StoredJob[]> {
  const found: StoredJob[] = [];
  for (let after: string | undefined, pages = 0; ; pages += 1) {
    assert.ok(pages < 100, "a list of at most 2,000 jobs has not ended after 100 pages");
    const { jobs, next } = await controlOf(bench).list({ ...query, ...(after === undefined ? {} : { after }) });
    found.push(...jobs);
    if (next === null) return found;
    after = next;
    await between(jobs);
  }
}

/** Returns the only job that the query finds. */
export async function onlyJob(bench: Pick<Bench, "backend">, query: JobQuery = {}): Promise<StoredJob> {
  const { jobs } = await controlOf(bench).list(query);
  assert.equal(jobs.length, 1, `${jobs.length} jobs are listed instead of 1`);
  return jobs[0] as StoredJob;
}

/** Enqueues that many messages, at most 100 in one call. */
export async function putMany(bench: Bench, count: number, part: Partial<Message> = {}): Promise<Message[]> {
  const most = Math.min(bench.backend.capabilities.maxBatch, 100);
  const sent: Message[] = [];
  while (sent.length < count) {
    const length = Math.min(most, count - sent.length);
    sent.push(...(await bench.put(...Array.from({ length }, () => part))));
  }
  return sent;
}
