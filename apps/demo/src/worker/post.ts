import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerReport } from "../job-event.ts";
import type { Spool } from "./spool.ts";

const POLL_MS = 60;
const RETRY_MS = 400;
/** How often a heartbeat is posted while there are no events. */
const HEARTBEAT_MS = 1_500;

export interface Posting {
  /** Delivers the remaining events for at most `limitMs` milliseconds; the others stay in the spool. */
  stop(limitMs: number): Promise<void>;
}

/** Posts the spool's events to the web process, in order. Retries each batch until it is delivered. */
export function startPosting(spool: Spool, webUrl: string): Posting {
  const target = new URL("/worker-events", webUrl);
  let deadline = Number.POSITIVE_INFINITY;
  let lastPost = 0;
  const stopping = new AbortController();

  /** Posts one batch, or a heartbeat if one is due. Returns the milliseconds to wait before the next call. */
  async function postNext(): Promise<number> {
    const batch = spool.next();
    if (batch === null && Date.now() - lastPost < HEARTBEAT_MS) return POLL_MS;
    if (!(await post(target, { source: spool.source, pid: process.pid, events: [...(batch?.events ?? [])] })))
      return RETRY_MS;
    lastPost = Date.now();
    batch?.delivered();
    return batch === null ? POLL_MS : 0;
  }

  /** Sleeps, at most until `stop` is called. After `stop`, waits only while the web process does not respond. */
  async function pause(ms: number): Promise<void> {
    if (stopping.signal.aborted) return sleep(ms === RETRY_MS ? 50 : 0);
    return sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  async function run(): Promise<void> {
    while (Date.now() < deadline) {
      const ms = await postNext();
      if (stopping.signal.aborted && ms === POLL_MS) return;
      if (ms > 0) await pause(ms);
    }
  }

  const running = run();
  return {
    async stop(limitMs) {
      deadline = Date.now() + limitMs;
      stopping.abort();
      await running;
      spool.close();
    },
  };
}

/** Returns false when the web process does not respond or refuses the report. */
async function post(target: URL, report: WorkerReport): Promise<boolean> {
  try {
    const response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(report),
      signal: AbortSignal.timeout(3_000),
    });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
