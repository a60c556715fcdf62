/** Logs to a stdout whose reader goes away, and hands in objects that fail. Tells its parent what ran; ends by itself. */
import { connect, defineJob, type Telemetry } from "@waybill/core";

const broken = (): never => {
  throw Object.create(null) as Error;
};
const failing: Telemetry = { send: broken, process: broken, settled: broken };
const runs = { stdout: 0, function: 0 };

const settledAll = async (log: "stdout" | (() => never), name: keyof typeof runs): Promise<void> => {
  const job = defineJob({ type: "count.one", handler: () => void (runs[name] += 1) });
  const jobs = await connect("memory:", { log, telemetry: failing });
  jobs.events.on("started", broken);
  jobs.events.on("settled", (() => Promise.reject(new Error("later"))) as never);
  await jobs.worker({ jobs: [job], middleware: [(_, next) => next()] }).start();
  for (let at = 0; at < 20; at += 1) {
    await jobs.enqueue(job, {});
    // The application writes there as well, and meets the same error again.
    if (log === "stdout") process.stdout.write("a line of the application's\n");
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (runs[name] < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  await jobs.close();
};

process.stdout.write("ready\n");
await new Promise((resolve) => process.once("message", resolve));
await settledAll("stdout", "stdout");
await settledAll(broken, "function");
process.send?.(runs, () => process.disconnect());
