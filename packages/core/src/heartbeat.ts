import { within } from "./deadline.ts";
import { isWaybillError } from "./errors.ts";
import type { WorkerFacts } from "./live-worker.ts";
import type { Roster } from "./roster.ts";
import { toError } from "./thrown.ts";

/** Keeps one worker on its store's roster. What goes wrong with that never touches a job. */
export interface Heartbeat {
  begin(): void;
  /**
   * Takes the worker off the roster, within half a second or not at all: what cannot be said now is true after three
   * silent heartbeats. Never rejects.
   */
  end(): Promise<void>;
}

export interface HeartbeatSettings {
  readonly roster: Roster;
  readonly worker: string;
  readonly heartbeatMs: number;
  readonly facts: () => WorkerFacts;
  /** Called with the first failure in a row. */
  readonly failed: (error: Error) => void;
}

/** A worker is gone after so many silent heartbeats. */
const SILENT_BEATS = 3;
const END_MS = 500;

export function createHeartbeat({ roster, worker, heartbeatMs, facts, failed }: HeartbeatSettings): Heartbeat {
  let timer: NodeJS.Timeout | undefined;
  let announcing: Promise<void> | null = null;
  let ended = false;
  let failing = false;

  async function announce(): Promise<void> {
    try {
      await roster.announce(worker, JSON.stringify(facts()), SILENT_BEATS * heartbeatMs);
      failing = false;
    } catch (thrown) {
      if (!failing && !isWaybillError(thrown, "BACKEND_CLOSED")) failed(toError(thrown));
      failing = true;
    }
  }

  async function beat(): Promise<void> {
    const begun = performance.now();
    announcing = announce();
    await announcing;
    const restMs = Math.max(heartbeatMs - (performance.now() - begun), heartbeatMs / 10);
    if (!ended) timer = setTimeout(() => void beat(), restMs);
  }

  async function withdraw(): Promise<void> {
    // One that arrives after the withdrawal would list the worker again.
    await announcing;
    await roster.withdraw(worker).catch(() => undefined);
  }

  return {
    begin: () => void beat(),
    async end() {
      if (announcing === null) return;
      ended = true;
      clearTimeout(timer);
      await within(withdraw(), END_MS);
    },
  };
}
