import type { Lease } from "../../backend/contract.ts";
import type { RecordStore } from "../../backend/record-store.ts";
import type { Seam } from "../../backend/seam.ts";
import { WaybillError } from "../../errors.ts";
import type { Recording } from "../../job/recording.ts";
import type { EventBus } from "../../observability/events.ts";
import { wallMs } from "../../time/clock.ts";
import { createRecordBuffer, type RecordBuffer } from "./record-buffer.ts";
import type { RecordSettings } from "./record-options.ts";
import { createRecorder } from "./recorder.ts";
import { recordedLetters } from "./recorded-letters.ts";
import { redactor } from "./redact.ts";
import { createRetention } from "./retention.ts";

/** What a worker calls to have its runs recorded. */
export interface WorkerRecords {
  readonly recording: (lease: Lease, worker: string) => Recording;
  workerBegan(worker: string): void;
  /** Writes what waits, for `limitMs` at most. */
  workerEnded(worker: string, limitMs: number): Promise<void>;
}

/** The records that one connection writes. */
export interface ConnectionRecords extends WorkerRecords {
  readonly buffer: RecordBuffer;
  /** Returns the seam by which jobs are enqueued and recorded. */
  tapped(seam: Seam): Seam;
}

export interface ConnectionRecordsSettings {
  readonly settings: RecordSettings;
  readonly seam: Pick<Seam, "backend" | "ledger">;
  readonly store: RecordStore | null;
  readonly events: EventBus;
}

/** Times and sizes. Tests take others. */
export interface RecordPace {
  /** Between two writes, in milliseconds. */
  readonly everyMs: number;
  /** The most changes that wait in memory, and the most characters of theirs. */
  readonly most: number;
  readonly mostChars: number;
  /** Between two looks for what is too old, in milliseconds. */
  readonly pruneEveryMs: number;
}

export const PACE: RecordPace = { everyMs: 500, most: 20_000, mostChars: 32 * 1_048_576, pruneEveryMs: 10_000 };

/** Throws `CAPABILITY_MISSING` where the backend keeps no records and none are borrowed. */
export function connectionRecords(
  { settings, seam, store, events }: ConnectionRecordsSettings,
  pace: RecordPace = PACE,
): ConnectionRecords {
  const { address } = seam.backend;
  if (store === null) throw keepsNone(address);
  const recorder = createRecorder({ events, redact: redactor(settings.redact), buffer: () => buffer });
  const buffer = createRecordBuffer({ store, address, events, ...pace, gather: () => recorder.gather() });
  const retention = createRetention({ ...settings, store, ledger: seam.ledger, everyMs: pace.pruneEveryMs });
  const workers = new Set<string>();

  return {
    buffer,
    recording: recorder.recording,
    workerBegan(worker) {
      workers.add(worker);
      retention.begin();
    },
    async workerEnded(worker, limitMs) {
      workers.delete(worker);
      if (workers.size === 0) retention.end();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
      await Promise.race([buffer.flush(), late]);
      clearTimeout(timer);
    },
    tapped: (tapping) => ({
      ...tapping,
      inspector: tapping.inspector && recordedLetters(tapping.inspector, recorder, tapping.jobControl !== null),
      // Lists of this connection's jobs are read from its records too, and show what it has just done.
      records: {
        ...store,
        async get(id) {
          await buffer.flush();
          return store.get(id);
        },
        async find(range) {
          await buffer.flush();
          return store.find(range);
        },
      },
      async enqueue(outgoing) {
        const at = wallMs();
        const receipt = await tapping.enqueue(outgoing);
        if (!receipt.stored || receipt.duplicateOf !== undefined) return receipt;
        const { envelope } = outgoing;
        if (receipt.replaced !== undefined)
          recorder.removed(
            { id: receipt.replaced, type: envelope.type, queue: envelope.queue ?? "" },
            null,
            `replaced by job ${receipt.id}, which has its unique key`,
          );
        recorder.enqueued(envelope, at);
        return receipt;
      },
    }),
  };
}

export const keepsNone = (address: string): WaybillError =>
  new WaybillError(
    "CAPABILITY_MISSING",
    `${address} keeps no records of jobs: give the connection a ledger that does, as in { ledger: "postgres://…" }, or leave records out`,
  );
