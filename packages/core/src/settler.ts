import { isWaybillError } from "./errors.ts";
import type { EventBus } from "./events.ts";
import { describeOutcome } from "./outcome-event.ts";
import type { Rejection } from "./backend.ts";
import type { Held } from "./held.ts";
import { pause } from "./lease-loop.ts";
import { rejectedEvent } from "./intake.ts";
import type { Outcome } from "./outcome.ts";
import type { Reachability } from "./reachability.ts";
import type { Seam } from "./seam.ts";
import { settle, settleAndTell } from "./settle.ts";
import type { Slots } from "./slots.ts";
import type { Telemetry } from "./telemetry.ts";
import { toError } from "./thrown.ts";

/** What a worker has settled since it started. */
export interface SettleCounts {
  completed: number;
  retried: number;
  released: number;
  dead: number;
  rejected: number;
  lost: number;
}

export interface Settler {
  readonly counts: Readonly<SettleCounts>;
  /** Stores one outcome and frees its place. Never rejects: what cannot be stored is reported as lost. */
  store(held: Held, outcome: Outcome): Promise<void>;
  /** An arrival was refused in the backend's inbox, which this worker keeps. */
  rejected(rejection: Rejection): void;
}

const COUNTER = { completed: "completed", retry: "retried", release: "released", dead: "dead" } as const;

export interface SettlerSettings {
  readonly seam: Seam;
  readonly slots: Slots;
  readonly events: EventBus;
  /** Null: nobody traces or counts. It never throws. */
  readonly telemetry: Telemetry | null;
  readonly reachability: Reachability;
  readonly worker: string;
}

export function createSettler({ seam, slots, events, telemetry, reachability, worker }: SettlerSettings): Settler {
  const { backend, ack } = seam;
  /** Whose outcome could not be stored yet. */
  const retrying = new Set<Held>();
  const counts: SettleCounts = { completed: 0, retried: 0, released: 0, dead: 0, rejected: 0, lost: 0 };

  function rejected(rejection: Rejection): void {
    counts.rejected += 1;
    events.emit("rejected", rejectedEvent(rejection, worker));
  }

  function settled(held: Held, outcome: Outcome): void {
    if (outcome.kind === "dead" && outcome.rejected) {
      const { id, queue } = held.lease;
      rejected({ id, queue, reason: outcome.reason });
      return slots.forget(held);
    }
    counts[COUNTER[outcome.kind]] += 1;
    if (events.has("settled")) {
      const { id, type, queue, attempt, lost, releases } = held.lease;
      const started = { id, type, queue, attempt, lost, releases, worker };
      events.emit("settled", describeOutcome(started, outcome, held.ranMs));
    }
    slots.forget(held);
  }

  function reportLost(held: Held): void {
    counts.lost += 1;
    const { id, type, queue, attempt } = held.lease;
    events.emit("lease_lost", { id, type, queue, attempt, worker, during: held.gone ? "run" : "settle" });
    slots.forget(held);
  }

  return {
    counts,
    rejected,
    async store(held, outcome) {
      for (let waitMs = 50; !held.gone; waitMs = Math.min(waitMs * 2, 2_000)) {
        try {
          if (telemetry === null) await settle(backend, ack, held.lease, outcome);
          else await settleAndTell(telemetry, backend, ack, held.lease, outcome);
          retrying.delete(held);
          reachability.succeeded("settle");
          settled(held, outcome);
          return;
        } catch (thrown) {
          if (!isTransient(thrown)) break;
          retrying.add(held);
          reachability.failed("settle", toError(thrown));
          slots.startOver();
          if (held.ranOut) break;
          await pause(waitMs);
        }
      }
      if (retrying.delete(held) && retrying.size === 0) reachability.abandoned("settle");
      reportLost(held);
    },
  };
}

/** Worth another try while the lease is ours. */
function isTransient(thrown: unknown): boolean {
  return isWaybillError(thrown, "BACKEND_UNAVAILABLE") || isWaybillError(thrown, "BACKEND_FULL");
}
