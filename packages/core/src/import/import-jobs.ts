import type { Result, Receipt } from "../backend/contract.ts";
import type { Jobs } from "../connect/connect.ts";
import { isWaybillError, type WaybillErrorCode } from "../errors.ts";
import { pause } from "../time/pause.ts";
import { deadLetterAll } from "./dead-letters.ts";
import { itemOf, type ImportItem, whyItStays } from "./enqueue-item.ts";
import { assertImportOptions, type ImportOptions, type ImportReport } from "./import-options.ts";
import type { ForeignJob, JobSource } from "./job-source.ts";

const AT_ONCE = 100;
const LOOK_MS = 500;
const ID_IS_ASIDE = "another job of its id is set aside, and refused here";
/** Errors that mean that no job is stored for now, whatever it is. */
const STORES_NONE: ReadonlySet<WaybillErrorCode> = new Set([
  "BACKEND_UNAVAILABLE",
  "BACKEND_FULL",
  "BACKEND_CLOSED",
  "ENQUEUE_UNKNOWN",
  "NOT_REPLICATED",
]);

/**
 * Moves the jobs of one queue of another job system, while workers and producers of both run. A job that waits is set aside
 * there, stored here under an id derived from it, and then deleted there. A job that runs is left to the worker that has it; if it fails with
 * attempts left, it is moved. Resolves once nothing is left there but what stays, or once `follow` aborts.
 *
 * When it is killed, or rejects, run it again: jobs that were set aside and not stored are first. No job is lost. A job that was stored and not
 * yet deleted when it was killed is stored once more if it has finished meanwhile, unless the connections have `rememberIds`.
 *
 * A job that the backend refuses, because it is too large for example, stays set aside and is in `left`. A later run tries it again.
 *
 * Rejects `CONFIG_INVALID` for wrong options, with the error of the other system's store, and as `enqueue` does while the backend stores
 * no job.
 */
export async function importJobs(from: JobSource, to: Jobs, options: ImportOptions): Promise<ImportReport> {
  assertImportOptions(options);
  const { map, failed = "leave", follow } = options;
  const hasPriorities = to.backend.capabilities.priorityLevels > 1;
  const totals = { moved: 0, dead: 0, storedBefore: 0 };
  const failedQueues = new Set<string>();
  /** By the id there: jobs that are set aside, and why they cannot be stored here. */
  const refused = new Map<string, { readonly job: ForeignJob; readonly why: string }>();

  async function store(aside: readonly ForeignJob[]): Promise<void> {
    const items = aside.map((job) => {
      const mapped = map(job);
      if (mapped !== null) return itemOf(from.name, job, mapped, hasPriorities);
      throw new Error(`map returned null for job "${job.id}" of ${from.name}, which it had accepted before`);
    });
    const results: readonly Result<Receipt>[] = await to.enqueueMany<unknown[]>(items);
    const stored = aside.filter((job, at) => isStored(results[at], job, items[at]));
    // A failed job is set aside until it is a dead letter: a run that is killed before begins with it again.
    if (failedQueues.size > 0) await deadLetterAll(to, [...failedQueues]);
    failedQueues.clear();
    await from.forget(stored);
    results.forEach((result, at) => {
      const job = aside[at];
      if (result.ok || isThere(result) || job === undefined) return;
      if (STORES_NONE.has(result.error.code)) throw result.error;
      refused.set(job.id, { job, why: `set aside there, and refused here: ${result.error.message}` });
    });
  }

  /** Those that were set aside and not tried by this run. */
  async function nextAside(): Promise<ForeignJob[]> {
    const found = await from.listAside(AT_ONCE + refused.size);
    return found.filter(({ id }) => !refused.has(id));
  }

  function isStored(result: Result<Receipt> | undefined, job: ForeignJob, item: ImportItem | undefined): boolean {
    if (!isThere(result)) return false;
    const isNew = result?.ok === true && result.value.stored;
    if (job.state === "failed") failedQueues.add(item?.options.queue ?? "");
    totals[!isNew ? "storedBefore" : job.state === "failed" ? "dead" : "moved"] += 1;
    return true;
  }

  /** Looks at each job once. Returns how many could be moved, and those that stay. */
  async function pass(): Promise<{ seen: number; left: readonly { job: ForeignJob; why: string }[] }> {
    const left: { job: ForeignJob; why: string }[] = [];
    let seen = 0;
    for await (const page of from.pages({ failed: failed === "dead_letter" })) {
      if (follow?.aborted) break;
      const whys = await Promise.all(page.map((job) => (refused.has(job.id) ? ID_IS_ASIDE : whyItStays(job, map))));
      const fitting = page.filter((_, at) => whys[at] === null);
      page.forEach((job, at) => void (whys[at] && left.push({ job, why: whys[at] })));
      seen += fitting.length;
      if (fitting.length > 0) await store(await from.setAside(fitting));
    }
    return { seen, left };
  }

  for (;;) {
    for (let rest = await nextAside(); rest.length > 0; rest = await nextAside()) await store(rest);
    const unfinished = await from.unfinished();
    const { seen, left } = await pass();
    const waiting = left.filter(({ job }) => job.state !== "failed").length;
    const isEmpty = follow === undefined && seen === 0 && unfinished <= waiting;
    if (isEmpty || follow?.aborted)
      return {
        ...totals,
        left: [...refused.values(), ...left].map(({ job: { id, name }, why }) => ({ id, name, why })),
      };
    await pause(LOOK_MS, follow);
  }
}

/** An id with other bytes was stored by an earlier run, whose `map` was another. */
const isThere = (result: Result<Receipt> | undefined): boolean =>
  result !== undefined && (result.ok || isWaybillError(result.error, "ID_CONFLICT"));
