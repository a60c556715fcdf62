/** One worker process of the chaos scenario. Arguments: backend's name, URL, folder, lease in ms. */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, handlerFor } from "@waybill/core";
import { targets } from "../backends.ts";
import { act } from "./jobs.ts";
import { traced, traceTo } from "./trace.ts";

/** The event loop is looked at this often; a look that is later by as much again is a standstill. */
const LOOK_MS = 100;
const CONCURRENCY = 10;

const [name = "", url = "", folder = "", lease = "2000"] = process.argv.slice(2);
const target = targets.find((one) => one.name === name);
if (target === undefined) throw new Error(`there is no backend "${name}"`);
const trace = traceTo(join(folder, `trace-${process.pid}`));

/** What ends or blocks a process does so once: its first run anywhere. */
function isFirstRun(id: string): boolean {
  try {
    closeSync(openSync(join(folder, `acted-${id.replaceAll(/[^\w-]/g, "_")}`), "wx"));
    return true;
  } catch {
    return false;
  }
}

function runOutOfHeap(): never {
  const kept: unknown[] = [];
  for (;;) kept.push(Array.from({ length: 10_000 }, (_, n) => ({ n })));
}

const handler = handlerFor(act, async ({ behaviour, ms }, { id }) => {
  trace("start", { id });
  const acts = behaviour !== "quick" && behaviour !== "sleep" && isFirstRun(id);
  if (behaviour === "sleep") await sleep(ms);
  else if (acts) {
    trace(behaviour, { id, ms });
    if (behaviour === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    else if (behaviour === "exit") process.exit(0);
    else if (behaviour === "heap") runOutOfHeap();
    else void Promise.reject(new Error("a rejection without a handler"));
  }
  trace("end", { id });
});

let lookedAt = Date.now();
setInterval(() => {
  const late = Date.now() - lookedAt - LOOK_MS;
  if (late > LOOK_MS) trace("still", { ms: late + LOOK_MS });
  lookedAt = Date.now();
}, LOOK_MS).unref();

const jobs = await connect(traced(target.factory(url), trace), { log: "off" });
trace("up");
await jobs.worker({ jobs: [handler], concurrency: CONCURRENCY, lease: Number(lease) }).run();
process.exit(0);
