import type { JobTrace } from "@waybill/core/backend";
import type { Defect, Spoil } from "./planted.ts";
import { controls } from "./with-control.ts";

type Queued = Extract<JobTrace, { place: "queue" }>;

/** Changes the trace of each job that is in its queue. */
const traced = (change: (trace: Queued) => Partial<Queued>): (() => Spoil) =>
  controls((good) => ({
    async trace(id) {
      const found = (await good.trace?.(id)) ?? null;
      return found?.place === "queue" ? { ...found, ...change(found) } : found;
    },
  }));

const absent: JobTrace = { place: "queue", ahead: null, higher: null, full: null };

export const controlTraceDefects: readonly Defect[] = [
  {
    defect: "a job counts as before itself",
    seenBy: "a ready job is traced with how many are leased before it",
    plant: traced(({ ahead }) => ({ ahead: ahead === null ? null : ahead + 1 })),
  },
  {
    defect: "those of the same priority count as higher",
    seenBy: "a ready job is traced with how many of a higher priority are before it",
    plant: traced(({ ahead }) => ({ higher: ahead === 0 ? 0 : ahead && ahead + 1 })),
  },
  {
    defect: "a job that is not ready is said to be the next",
    seenBy: "a job that is not ready has none before it",
    plant: traced(({ ahead }) => ({ ahead: ahead ?? 0 })),
  },
  {
    defect: "the jobs that have a full key are not named",
    seenBy: "a job that waits for its concurrency key is traced with that limit and the jobs that have the key",
    plant: traced(({ full }) => ({ full: full && { ...full, jobs: [] } })),
  },
  {
    defect: "an id that is not there is traced as a job",
    seenBy: "an id that is not there has no trace",
    plant: controls((good) => ({ trace: async (id) => (await good.trace?.(id)) ?? absent })),
  },
  {
    defect: "a closed connection finds no trace",
    seenBy: "a trace by a closed connection rejects BACKEND_CLOSED",
    plant: controls((good) => ({ trace: async (id) => good.trace?.(id).catch(() => null) ?? null })),
  },
];
