import { connect, defineJob } from "@waybill/core";
import { jobMetrics, type Metric } from "@waybill/core/metrics";
import { serviceUrl } from "@waybill/test-servers";

const label = { id: "1", type: "series.step", queue: "default" };
const outcome = { ...label, attempt: 1, lost: 0, releases: 0, worker: "w", durationMs: 1 };
const reason = { code: "SERIES", message: "" };

/** A scrape of a worker on a real Redis that has run a job, and in which every rare thing has happened once. */
export async function everySeries(): Promise<readonly Metric[]> {
  const jobs = await connect(`${await serviceUrl("redis")}?prefix=every-series-${process.pid}`, { log: "off" });
  const step = defineJob({ type: label.type, handler() {} });
  const metrics = jobMetrics(jobs);
  try {
    const settled = new Promise((resolve) => jobs.events.on("settled", resolve));
    await jobs.worker({ jobs: [step] }).start();
    await jobs.enqueue(step, null);
    await settled;
    await jobs.enqueue("nobody.works", null, { queue: "without-worker" });
    const { events } = jobs;
    events.emit("enqueue_failed", { ...label, code: "BACKEND_FULL", message: "" });
    events.emit("unknown_type", label);
    events.emit("duplicate", { ...label, duplicateOf: "2", result: "rejected" });
    events.emit("settled", { ...outcome, outcome: "dead", kept: true, reason });
    events.emit("settled", { ...outcome, outcome: "dead", kept: false, reason });
    events.emit("settled", { ...outcome, outcome: "release", reason: { ...reason, code: "LIMIT_FULL" } });
    events.emit("settled", { ...outcome, type: "waybill.canary", outcome: "completed" });
    events.emit("cancelled", label);
    events.emit("lease_lost", { ...outcome, during: "run" });
    events.emit("tick", { schedule: "s", result: "enqueued" } as never);
    events.emit("push_refused", { status: 400, code: "SERIES", message: "", peer: null, path: "/" });
    return await metrics.read();
  } finally {
    await jobs.inspector?.drop({ limit: Infinity });
    await jobs.close();
  }
}
