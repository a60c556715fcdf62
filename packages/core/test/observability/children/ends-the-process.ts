import { connect, defineJob } from "../../../src/index.ts";

const endings: Readonly<Record<string, () => void>> = {
  exit: () => process.exit(0),
  kill: () => process.kill(process.pid, "SIGKILL"),
  abort: () => process.abort(),
};

const jobs = await connect("memory:");
const last = defineJob({ type: "process.end", handler: endings[process.argv[2] ?? ""] ?? (() => undefined) });
await jobs.enqueue(last, null, { id: "018f0000-0000-7000-8000-000000000001" });
await jobs.worker({ jobs: [last] }).start();
