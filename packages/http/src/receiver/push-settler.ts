import { type Envelope, describeError, type ErrorRecord, type EventBus, type Outcome } from "@waybill/core";
import { describeOutcome, outcomeCountOf } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";
import type { InboundDelivery } from "../push/inbound-delivery.ts";
import { PushRefused } from "../push/push-refused.ts";
import type { PushResponse } from "../push/push-response.ts";
import { responseOf } from "./outcome-response.ts";
import { UnstoredDeadLetters } from "./unstored-dead-letters.ts";

/** A dead letter: a pushed job that will not run again. `keepDead` stores it. */
export interface DeadPush {
  /** Null if the body is no envelope. */
  readonly id: string | null;
  /** Byte for byte. */
  readonly body: string;
  readonly code: string;
  readonly message: string;
  /** The error that the handler threw, if it threw one. */
  readonly error?: ErrorRecord;
}

/** Outcomes since the receiver started. */
export interface PushCounts {
  completed: number;
  retried: number;
  released: number;
  dead: number;
  discarded: number;
}

export interface PushSettler {
  readonly counts: Readonly<PushCounts>;
  /**
   * Stores a dead letter if `keepDead` is given, counts the outcome, and returns the response. Rejects 503 `NOT_KEPT` if
   * `keepDead` failed: the carrier delivers the job again.
   */
  settle(run: SettledRun): Promise<PushResponse>;
  /** Returns the outcome of a job whose dead letter could not be stored in an earlier delivery, or null: the job may run. */
  outcomeOf(id: string, delivery: InboundDelivery): Outcome | null;
}

export interface SettledRun {
  readonly delivery: InboundDelivery;
  readonly from: Carrier;
  /** Null if the body is no envelope. */
  readonly envelope: Envelope | null;
  readonly outcome: Outcome;
  readonly ranMs: number;
}

export function createPushSettler(
  events: EventBus,
  worker: string,
  keepDead: ((letter: DeadPush) => Promise<void>) | null,
): PushSettler {
  const counts: PushCounts = { completed: 0, retried: 0, released: 0, dead: 0, discarded: 0 };
  const unstored = new UnstoredDeadLetters();

  async function store(letter: DeadPush): Promise<void> {
    try {
      await keepDead?.(letter);
    } catch (thrown) {
      throw new PushRefused(503, "NOT_KEPT", `keepDead failed: ${describeError(thrown)}`);
    }
  }

  async function respond({ outcome, delivery, envelope, from }: SettledRun): Promise<PushResponse> {
    const id = envelope?.id ?? null;
    const response = responseOf(outcome, id, delivery.signedId !== null);
    if (outcome.kind !== "dead" || from.settlesByOutcome === true) return response;
    // A carrier that reads the status alone would deliver a discarded job again, or keep it.
    if (outcome.kept) {
      if (keepDead === null) return response;
      // Remembered first: if `keepDead` fails, the next delivery must not run the handler again.
      if (id !== null) unstored.remember(id, delivery, outcome);
      await store({ id, body: delivery.body, ...outcome.reason });
      if (id !== null) unstored.forget(id);
    }
    return { ...response, status: 200 };
  }

  return {
    counts,
    outcomeOf: (id, delivery) => unstored.find(id, delivery),
    async settle(run) {
      const { delivery, envelope, outcome, ranMs } = run;
      const { attempt, lost, releases, label } = delivery;
      const response = await respond(run);
      counts[outcomeCountOf(outcome)] += 1;
      if (!events.has("settled")) return response;
      const id = envelope?.id ?? label?.id ?? "";
      const type = envelope?.type ?? label?.type ?? "";
      const queue = label?.queue ?? envelope?.queue ?? "default";
      const ended = describeOutcome({ id, type, queue, attempt, lost, releases, worker }, outcome, ranMs);
      events.emit("settled", run.from.name === "native" ? { ...ended, bySender: true } : ended);
      return response;
    },
  };
}
