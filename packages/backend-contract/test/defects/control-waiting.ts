import type { ControlResult, StoredJob } from "@waybill/core/backend";
import { always, type Defect } from "./planted.ts";
import { deliveryOf, each, leaksAtCancel, reschedules, shows, where } from "./with-control.ts";

const done = Promise.resolve<ControlResult>("done");

export const controlWaitingDefects: readonly Defect[] = [
  {
    defect: "a job that waits is listed as ready",
    seenBy: "a job whose key is full is listed as waiting, and is found by this state",
    plant: shows(({ state }) => ({ state: state === "waiting" ? "ready" : state })),
  },
  {
    defect: "a list of those that wait has a job that was cancelled, and delivers it when nothing else is ready",
    seenBy: "a job that waits for its key and is cancelled is not delivered when the key is free",
    plant: where((good, jobControl) => {
      const left: StoredJob[] = [];
      let isFree = false;
      return {
        ack(leases) {
          isFree = true;
          return good.ack(leases);
        },
        async lease(request) {
          const found = await good.lease(request);
          const job = found.length === 0 && isFree ? left.pop() : undefined;
          return job === undefined ? found : [deliveryOf(job)];
        },
        jobControl: {
          ...jobControl,
          cancel: each(jobControl, jobControl.cancel, (job) => {
            if (job.state === "waiting") left.push(job);
            return null;
          }),
        },
      };
    }),
  },
  {
    defect: "a cancelled job that waited is still the next of its key",
    seenBy: "a cancelled job that waited for its key does not hold back the one behind it",
    plant: leaksAtCancel("waiting"),
  },
  {
    defect: "a job that waits for its key has no time to change",
    seenBy: "a job that waits for its key and is rescheduled to later is delivered then, and the one behind it before",
    plant: reschedules(({ state }, delayMs) => (state === "waiting" && delayMs > 0 ? done : null)),
  },
  {
    defect: "a job that waits for its key is stored anew when it is rescheduled, without its keys",
    seenBy: "a job that waits for its key and is rescheduled to now still waits for it",
    plant: reschedules((job, delayMs, good) => {
      if (job.state !== "waiting" || delayMs > 0) return null;
      const { id, type, queue, tenant, priority, body } = job;
      const message = { id, type, queue, tenant, priority, body, delayMs: 0, signature: null };
      return (
        good.jobControl
          ?.cancel([id])
          .then(() => good.enqueue([message]))
          .then(() => done) ?? null
      );
    }),
  },
  {
    defect: "the end of a lease hands the next of its line to whoever asks",
    seenBy: "a job that waits for its key stays when the key is free while its type is excluded",
    plant: always((good) => ({
      async lease(request) {
        const found = await good.lease(request);
        const { excludeTypes, ...rest } = request;
        return found.length > 0 || excludeTypes === undefined || rest.concurrency === undefined
          ? found
          : good.lease(rest);
      },
    })),
  },
];
