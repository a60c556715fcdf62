import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerReport } from "../job-event.ts";
import type { Spool } from "./spool.ts";

const LOOK_MS = 60;
const AWAY_MS = 400;
/** Without events: how often to say that this worker lives. */
const HEARTBEAT_MS = 1_500;

export interface Posting {
  /** Delivers what is left, for at most `limitMs`; the rest stays in the spool. */
  stop(limitMs: number): Promise<void>;
}

/** Carries events from the spool to the web process, in order, for as long as that takes. */
export function startPosting(spool: Spool, webUrl: string): Posting {
  const target = new URL("/worker-events", webUrl);
  let deadline = Number.POSITIVE_INFINITY;
  let lastPost = 0;
  const stopping = new AbortController();

  /** How long to wait before looking again. */
  async function turn(): Promise<number> {
    const batch = spool.next();
    if (batch === null && Date.now() - lastPost < HEARTBEAT_MS) return LOOK_MS;
    if (!(await post(target, { source: spool.source, pid: process.pid, events: [...(batch?.events ?? [])] })))
      return AWAY_MS;
    lastPost = Date.now();
    batch?.delivered();
    return batch === null ? LOOK_MS : 0;
  }

  /** Sleeps; cut short by `stop`, after which only an absent web process is worth a pause. */
  async function pause(ms: number): Promise<void> {
    if (stopping.signal.aborted) return sleep(ms === AWAY_MS ? 50 : 0);
    return sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  async function run(): Promise<void> {
    while (Date.now() < deadline) {
      const ms = await turn();
      if (stopping.signal.aborted && ms === LOOK_MS) return;
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

/** False when the web process is away or cannot take it now. */
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
