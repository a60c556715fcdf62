import { type Envelope, describeError, type EventBus, type Outcome } from "@waybill/core";
import { describeOutcome } from "@waybill/core/door";
import type { Parcel } from "./carrier.ts";
import { PushRefused } from "./problem.ts";
import type { PushAnswer } from "./push.ts";
import { respond } from "./respond.ts";

/** A job that will not run any more, for whoever is to keep it. */
export interface DeadPush {
  /** Null where the body is no envelope. */
  readonly id: string | null;
  /** Byte for byte. */
  readonly body: string;
  readonly code: string;
  readonly message: string;
}

/** What a receiver has answered since it started. */
export interface PushCounts {
  completed: number;
  retried: number;
  released: number;
  dead: number;
}

export interface PushSettler {
  readonly counts: Readonly<PushCounts>;
  /** Keeps a dead job where that is asked for, and answers. Rejects `PushRefused` when it could not be kept. */
  settle(run: SettledRun): Promise<PushAnswer>;
}

export interface SettledRun {
  readonly parcel: Parcel;
  /** Null: the body is none. */
  readonly envelope: Envelope | null;
  readonly outcome: Outcome;
  readonly ranMs: number;
}

const COUNTER = { completed: "completed", retry: "retried", release: "released", dead: "dead" } as const;

export function createPushSettler(
  events: EventBus,
  worker: string,
  keepDead: ((letter: DeadPush) => Promise<void>) | null,
): PushSettler {
  const counts: PushCounts = { completed: 0, retried: 0, released: 0, dead: 0 };

  async function keep(letter: DeadPush): Promise<void> {
    try {
      await keepDead?.(letter);
    } catch (thrown) {
      throw new PushRefused(503, "NOT_KEPT", `keepDead failed: ${describeError(thrown)}`);
    }
  }

  async function answerOf(outcome: Outcome, body: string, id: string | null): Promise<PushAnswer> {
    const answer = respond(outcome, id);
    if (outcome.kind !== "dead" || keepDead === null) return answer;
    const { code, message } = outcome.reason;
    if (outcome.kept) await keep({ id, body, code, message });
    return { ...answer, status: 200 };
  }

  return {
    counts,
    async settle({ parcel, envelope, outcome, ranMs }) {
      const { body, attempt, lost, releases, label } = parcel;
      const answer = await answerOf(outcome, body, envelope?.id ?? null);
      counts[COUNTER[outcome.kind]] += 1;
      if (!events.has("settled")) return answer;
      const id = envelope?.id ?? label?.id ?? "";
      const type = envelope?.type ?? label?.type ?? "";
      const queue = label?.queue ?? envelope?.queue ?? "default";
      events.emit("settled", describeOutcome({ id, type, queue, attempt, lost, releases, worker }, outcome, ranMs));
      return answer;
    },
  };
}
