/** Runs one worker on the given URL until SIGTERM. Reports to its parent each id that ran, and that the server failed. */
import { connect, defineJob } from "@waybill/core";

const [url = ""] = process.argv.slice(2);
const handler = async (_: unknown, { id }: { id: string }): Promise<void> => void process.send?.({ id });
const count = defineJob({ type: "count.one", handler });

const jobs = await connect(url, { log: "off" });
jobs.events.on("unavailable", ({ message }) => void process.send?.({ failed: message }));
const worker = jobs.worker({ jobs: [count], concurrency: 10 });
process.send?.({ ready: true });
await worker.run();
process.disconnect();
