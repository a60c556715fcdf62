import type { ControlResult, Lease, StoredJob } from "@waybill/core/backend";
import { watched } from "./changes.ts";
import { type Defect, LATE_MS, type Spoil } from "./planted.ts";
import { cancels, cancelsLeased, controls, deliveryOf, each, leased, reschedules, where } from "./with-control.ts";

/** Changes the leases of jobs that were rescheduled. */
const rescheduled = (change: (lease: Lease) => Partial<Lease>): (() => Spoil) =>
  where((good, jobControl) => {
    const again = new Set<string>();
    return {
      lease: async (request) =>
        (await good.lease(request)).map((lease) => (again.has(lease.id) ? { ...lease, ...change(lease) } : lease)),
      jobControl: {
        ...jobControl,
        reschedule(ids, delayMs) {
          for (const id of ids) again.add(id);
          return jobControl.reschedule(ids, delayMs);
        },
      },
    };
  });

const cancelling: readonly Defect[] = [
  {
    defect: "a connection has read the next job ahead, and delivers it although it was cancelled",
    seenBy: "a cancelled job that was ready is not delivered",
    plant: where((good, jobControl) => {
      const ahead: StoredJob[] = [];
      const { held, lease } = leased(good);
      return {
        async lease(request) {
          const found = await lease(request);
          const job = found.length === 0 ? ahead.pop() : undefined;
          if (job === undefined) return found;
          return [deliveryOf(job)];
        },
        jobControl: {
          ...jobControl,
          cancel: each(jobControl, jobControl.cancel, (job) => {
            if (job.state === "ready" && !held.has(job.id) && ahead.length === 0) ahead.push(job);
            return null;
          }),
        },
      };
    }),
  },
  {
    defect: "delayed jobs are kept elsewhere, and are not cancelled there",
    seenBy: "a cancelled job that was delayed is not delivered when its time comes",
    plant: cancels(({ state }) => (state === "delayed" ? Promise.resolve("done") : null)),
  },
  {
    defect: "a cancel removes whatever has the id",
    seenBy: "a leased job is not cancelled, and its lease is still good",
    plant: cancelsLeased(({ id, state }, held, good) =>
      state === "leased" ? good.ack([held.get(id) as Lease]).then((): ControlResult => "leased") : null,
    ),
  },
  {
    defect: "a lease that has ended counts as one until the job is leased again",
    seenBy: "a job whose lease has ended can be cancelled, and is not delivered again",
    plant: cancelsLeased(({ id }, held) => (held.has(id) ? Promise.resolve("leased") : null)),
  },
  {
    defect: "a dead letter is dropped",
    seenBy: "a dead letter is not cancelled",
    plant: cancels(({ id, state }, good) =>
      state === "dead" ? good.inspector.drop({ ids: [id] }).then((): ControlResult => "dead") : null,
    ),
  },
  {
    defect: "a cancel that changed no row is an error",
    seenBy: "the cancel of an id that is not there is absent, not an error",
    plant: controls((good) => ({
      async cancel(ids) {
        const results = await good.cancel(ids);
        if (results.every((result) => result === "absent")) throw new Error("no such row");
        return results;
      },
    })),
  },
  {
    defect: "a cancelled id stays known",
    seenBy: "an id that was cancelled may be enqueued again",
    plant: where((good, jobControl) => {
      const known = new Set<string>();
      return {
        enqueue: async (messages) =>
          (await good.enqueue(messages)).map((result, at) =>
            result.ok && known.has(messages[at]?.id ?? "")
              ? { ok: true, value: { ...result.value, stored: false } }
              : result,
          ),
        jobControl: {
          ...jobControl,
          cancel(ids) {
            for (const id of ids) known.add(id);
            return jobControl.cancel(ids);
          },
        },
      };
    }),
  },
  {
    defect: "results come in the order of the store, and what it does not have comes last",
    seenBy: "a cancel of 1,000 ids says of each, in order, what became of it, and leaves the other jobs",
    plant: controls((good) => ({
      async cancel(ids) {
        const results = await good.cancel(ids);
        const absent = results.filter((result) => result === "absent");
        return [...results.filter((result) => result !== "absent"), ...absent];
      },
    })),
  },
];

const rescheduling: readonly Defect[] = [
  {
    defect: "a reschedule wakes no one",
    seenBy: "a job that is rescheduled to now wakes a waiting call",
    plant: where((good, jobControl) => {
      const { waiting, lease } = watched(good);
      return {
        lease,
        jobControl: {
          ...jobControl,
          reschedule: (ids, delayMs) => jobControl.reschedule(ids, waiting() > 0 ? LATE_MS : delayMs),
        },
      };
    }),
  },
  {
    defect: "only what is delayed is rescheduled",
    seenBy: "a ready job that is rescheduled to later is delivered then, and not before",
    plant: reschedules(({ state }, delayMs) => (state === "ready" && delayMs > 0 ? Promise.resolve("done") : null)),
  },
  {
    defect: "of two times the later one is kept",
    seenBy: "a delayed job may be rescheduled to an earlier time",
    plant: reschedules(({ state }, delayMs) => (state === "delayed" && delayMs > 0 ? Promise.resolve("done") : null)),
  },
  {
    defect: "a leased job is released",
    seenBy: "a leased job is not rescheduled, and its lease is still good",
    plant: where((good, jobControl) => {
      const { held, ...verbs } = leased(good);
      return {
        ...verbs,
        jobControl: {
          ...jobControl,
          async reschedule(ids, delayMs) {
            const results = await jobControl.reschedule(ids, delayMs);
            for (const [at, id] of ids.entries()) {
              const lease = results[at] === "leased" ? held.get(id) : undefined;
              if (lease) await good.retry(lease, { delayMs, countsAttempt: false });
            }
            return results;
          },
        },
      };
    }),
  },
  {
    defect: "a dead letter is replayed",
    seenBy: "neither a dead letter nor an absent job is rescheduled",
    plant: reschedules(({ id, state }, _, good) =>
      state === "dead" ? good.inspector.replay({ ids: [id] }).then((): ControlResult => "dead") : null,
    ),
  },
  {
    defect: "the signature is left behind",
    seenBy: "a rescheduled job has the label and the bytes of one that was not",
    plant: rescheduled(() => ({ signature: null })),
  },
  {
    defect: "a rescheduled job starts again as a first attempt",
    seenBy: "a rescheduled job keeps the number of its attempt",
    plant: rescheduled(() => ({ attempt: 1 })),
  },
  {
    defect: "of a list the first 100 are rescheduled",
    seenBy: "1,000 delayed jobs that are rescheduled to now are delivered at once",
    plant: controls((good) => ({
      async reschedule(ids, delayMs) {
        const some = await good.reschedule(ids.slice(0, 100), delayMs);
        return ids.map((_, at) => some[at] ?? "done");
      },
    })),
  },
];

const connections: readonly Defect[] = [
  {
    defect: "a connection lists what it has enqueued itself",
    seenBy: "every connection lists, cancels and reschedules the jobs of all",
    plant: where((good, jobControl) => {
      const mine = new Set<string>();
      return {
        enqueue(messages) {
          for (const { id } of messages) mine.add(id);
          return good.enqueue(messages);
        },
        jobControl: {
          ...jobControl,
          async list(query) {
            const { jobs, next } = await jobControl.list(query);
            return { jobs: jobs.filter(({ id }) => mine.has(id)), next };
          },
        },
      };
    }),
  },
  {
    defect: "a list after close is an empty one",
    seenBy: "the job control of a closed connection rejects BACKEND_CLOSED",
    plant: controls((good) => ({ list: (query) => good.list(query).catch(() => ({ jobs: [], next: null })) })),
  },
];

export const controlDefects: readonly Defect[] = [...cancelling, ...rescheduling, ...connections];
