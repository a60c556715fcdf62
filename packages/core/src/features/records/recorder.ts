import type { Lease } from "../../backend/contract.ts";
import type { RecordChange } from "../../backend/record-store.ts";
import { defaults, type Envelope } from "../../envelope/index.ts";
import type { Recording } from "../../job/recording.ts";
import type { EventBus, OutcomeEvent } from "../../observability/events.ts";
import { wallMs } from "../../time/clock.ts";
import { endedChange, startedChange, unknownJob } from "./changes.ts";
import { cut } from "./cut.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import type { RedactedPayload } from "./redact.ts";
import { createRunRecord, type RunRecord } from "./run-record.ts";

/** Gathers what happens to the jobs of one connection. No function throws, and none waits for the store. */
export interface Recorder {
  /** A job is stored. `at`: Unix milliseconds from before the call that stored it. */
  enqueued(envelope: Envelope, at: number): void;
  /** The job of this id was replaced or cancelled before it ran. */
  removed(label: { readonly id: string; readonly type: string; readonly queue: string }): void;
  /** Returns what records the run of a lease. */
  recording(lease: Lease, worker: string): Recording;
  /** Adds what the runs have reported since. */
  gather(): void;
}

export interface RecorderSettings {
  readonly events: EventBus;
  readonly redact: (args: Envelope["args"]) => RedactedPayload;
  readonly buffer: () => Pick<RecordBuffer, "add" | "wake">;
}

const LONGEST_NAME = 256;

export function createRecorder({ events, redact, buffer }: RecorderSettings): Recorder {
  /** The runs of this process that have not been settled, by job and worker. */
  const runs = new Map<string, RunRecord>();
  /** Those that have something to write. */
  const changed = new Set<RunRecord>();
  const nameOf = (id: string, worker: string): string => `${id} ${worker}`;

  function add(change: RecordChange): void {
    buffer().add(change);
  }

  function settled(event: OutcomeEvent): void {
    const name = nameOf(event.id, event.worker);
    const run = runs.get(name) ?? null;
    runs.delete(name);
    if (run !== null) changed.delete(run);
    add(endedChange(event, run, wallMs()));
  }

  events.on("settled", settled);
  events.on("cancelled", (label) => recorder.removed(label));
  events.on("lease_lost", ({ id, worker }) => {
    const run = runs.get(nameOf(id, worker));
    runs.delete(nameOf(id, worker));
    if (run === undefined) return;
    changed.delete(run);
    add(run.lost());
  });
  events.on("rejected", ({ id, queue, reason }) => {
    const at = wallMs();
    // What was found there may have any id.
    const code = cut(reason.code, LONGEST_NAME);
    const message = cut(reason.message, 2_000);
    const label = { id: cut(id, LONGEST_NAME), type: "", queue: cut(queue, LONGEST_NAME) };
    add({ ...unknownJob(label, at), state: "dead", code, message, endedAt: at, rank: 1 });
  });

  const recorder: Recorder = {
    enqueued({ id, type, queue = defaults.queue, args, meta }, at) {
      const label = { id, type, queue, tenant: meta?.tenant_id ?? null };
      add({ ...unknownJob(label, at), payload: redact(args).text });
    },
    removed(label) {
      const at = wallMs();
      add({ ...unknownJob(label, at), state: "cancelled", endedAt: at, replaces: Number.MAX_SAFE_INTEGER });
    },
    recording(lease, worker) {
      let run: RunRecord | null = null;
      const touched = (): void => {
        if (run === null || runs.get(nameOf(lease.id, worker)) !== run) return;
        changed.add(run);
        buffer().wake();
      };
      return {
        started(envelope) {
          run = createRunRecord({
            ...startedChange(lease, envelope, wallMs()),
            worker,
            payload: redact(envelope.args),
          });
          runs.set(nameOf(lease.id, worker), run);
          touched();
        },
        progress(done, total, message) {
          run?.progress(done, total, message);
          touched();
        },
        log(text) {
          run?.log(text);
          touched();
        },
      };
    },
    gather() {
      for (const run of changed) buffer().add(run.change());
      changed.clear();
    },
  };
  return recorder;
}
