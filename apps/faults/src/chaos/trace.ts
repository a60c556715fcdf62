import { appendFileSync } from "node:fs";
import type { Result } from "@waybill/core";
import type { Backend, BackendFactory, Lease } from "@waybill/core/backend";

/**
 * One line of a worker's trace. Written by one system call before the worker goes on: the end of the process loses none.
 * (The machine stays up, so that nothing is synced to disk.)
 */
export interface TraceLine {
  readonly what:
    | "up"
    /** A lease call began, and ended. */
    | "asks"
    | "leases_end"
    | "leased"
    /** A handler's beginning and end. */
    | "start"
    | "end"
    /** The backend has stored, or refused, an outcome. */
    | "settled"
    | "refused"
    /** The event loop stood still until now, for `ms`. */
    | "still"
    /** The handler is about to block, or to end its process. */
    | "block"
    | "exit"
    | "heap"
    | "reject"
    /** Written by the parent. */
    | "died";
  /** Unix milliseconds. */
  readonly at: number;
  readonly pid: number;
  readonly id?: string;
  readonly ms?: number;
  readonly lost?: number;
  readonly releases?: number;
  /** Of a settle: the verb; of a refusal: the error's code. */
  readonly how?: string;
}

export type Trace = (what: TraceLine["what"], more?: Omit<TraceLine, "what" | "at" | "pid">) => void;

export function traceTo(file: string): Trace {
  return (what, more) => {
    const line: TraceLine = { what, at: Date.now(), pid: process.pid, ...more };
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  };
}

/** The backend, with a line for each lease that it gives and each outcome that it takes. */
export function traced(factory: BackendFactory, trace: Trace): BackendFactory {
  return async (context) => {
    const raw = await factory(context);
    const one = async (lease: Lease, how: string, call: () => Promise<void>): Promise<void> => {
      await call();
      trace("settled", { id: lease.id, how });
    };
    const traces: Pick<Backend, "lease" | "ack" | "retry" | "deadLetter"> = {
      async lease(request) {
        trace("asks");
        const leases = await raw.lease(request);
        trace("leases_end");
        for (const { id, lost, releases } of leases) trace("leased", { id, lost, releases });
        return leases;
      },
      async ack(leases) {
        const results = await raw.ack(leases);
        for (const [index, { id }] of leases.entries()) traceAck(trace, id, results[index]);
        return results;
      },
      retry: (lease, request) =>
        one(lease, request.countsAttempt ? "retry" : "release", () => raw.retry(lease, request)),
      deadLetter: (lease, reason) => one(lease, reason.code, () => raw.deadLetter(lease, reason)),
    };
    return { ...raw, ...traces };
  };
}

function traceAck(trace: Trace, id: string, result: Result<null> | undefined): void {
  if (result?.ok) trace("settled", { id, how: "ack" });
  else trace("refused", { id, how: result?.error.code ?? "none" });
}
