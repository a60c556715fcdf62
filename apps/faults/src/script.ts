// A script that forgets `close`: `script.ts URL WHAT`. Prints a line once it has nothing more to do.
import { setTimeout as sleep } from "node:timers/promises";
import { connect, connectProducer, defineJob, type Jobs } from "@waybill/core";
import { flaky } from "./jobs.ts";

const [url = "", what = ""] = process.argv.slice(2);
const note = defineJob({ type: "note", handler() {} });
const said = (): void => console.log(JSON.stringify({ event: "said" }));
const open = (): Promise<Jobs> => connect(url, { log: "off", allowVolatile: true });
/** Long enough that a client whose server has gone tries to connect anew. */
const RECONNECTS_MS = 1_500;

const scripts: Readonly<Record<string, () => unknown>> = {
  async enqueues() {
    await (await open()).enqueue(note, {});
  },
  /** With its log lines on stdout. */
  async enqueuesTwenty() {
    const jobs = await connect(url, { log: "json", jobs: [flaky] });
    for (let n = 0; n < 20; n += 1) await jobs.enqueue(flaky, {});
    await jobs.close();
  },
  async enqueuesByConnectProducer() {
    await (await connectProducer(url, { log: "off", allowVolatile: true })).enqueue(note, {});
  },
  /** Nothing is awaited, not even the connection. */
  leavesAnEnqueueUnderWay() {
    void open().then((jobs) => jobs.enqueue(note, {}));
  },
  leavesManyUnderWay() {
    void open().then((jobs) => jobs.enqueueMany(Array.from({ length: 500 }, () => ({ job: note, payload: {} }))));
  },
  async looks() {
    const jobs = await open();
    await jobs.enqueue(note, {});
    await jobs.inspector?.counts();
    await jobs.doctor?.checks();
    await jobs.workers().catch(() => []);
  },
  async stopsItsWorker() {
    const jobs = await open();
    const worker = jobs.worker({ jobs: [note], queues: ["elsewhere"], shutdown: { drain: 0 } });
    await worker.start();
    await sleep(300);
    await worker.stop();
    await jobs.enqueue(note, {});
  },
  async works() {
    const jobs = await open();
    jobs.events.on("settled", ({ outcome }) => console.log(JSON.stringify({ event: "settled", outcome })));
    await jobs.worker({ jobs: [note] }).start();
    await jobs.enqueue(note, {});
  },
  async losesItsServer() {
    await (await open()).enqueue(note, {});
    said();
    await sleep(RECONNECTS_MS);
  },
};

await scripts[what]?.();
said();
