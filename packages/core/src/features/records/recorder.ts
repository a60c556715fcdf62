import type { Lease } from "../../backend/contract.ts";
import type { RecordChange } from "../../backend/record-store.ts";
import { defaults, type Envelope } from "../../envelope/index.ts";
import type { Recording } from "../../job/recording.ts";
import type { EventBus, OutcomeEvent } from "../../observability/events.ts";
import { wallMs } from "../../time/clock.ts";
import { endedChange, startedChange, unknownJob } from "./changes.ts";
import { placeOf } from "../../values/place.ts";
import { thisProcess } from "../process-name.ts";
import { cut } from "./cut.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import { CANCEL_ITEM, DROPPED, labelItems } from "./record-facts.ts";
import type { RedactedPayload } from "./redact.ts";
import { createRunRecord, type RunRecord } from "./run-record.ts";

/** Gathers what happens to the jobs of one connection. No function throws, and none waits for the store. */
export interface Recorder {
  /** A job is stored. `at`: Unix milliseconds from before the call that stored it. */
  enqueued(envelope: Envelope, at: number): void;
  /** The job of this id was replaced or cancelled before it ran. `by`: who cancelled it; null for one that was replaced. */
  removed(
    label: { readonly id: string; readonly type: string; readonly queue: string },
    by: string | null,
    message: string,
  ): void;
  /** A dead letter waits in its queue again. */
  replayed(id: string): void;
  /** This process has deleted a dead letter. */
  dropped(id: string): void;
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
  /** The runs of this process that have not been settled, by worker and job. */
  const workers = new Map<string, Map<string, RunRecord>>();
  /** Those that have something to write. */
  const changed = new Set<RunRecord>();
  const { task } = placeOf(process.env);

  function add(change: RecordChange): void {
    buffer().add(change);
  }

  function runsOf(worker: string): Map<string, RunRecord> {
    const known = workers.get(worker) ?? new Map<string, RunRecord>();
    workers.set(worker, known);
    return known;
  }

  /** Returns the run, which has ended, and forgets it. */
  function taken(id: string, worker: string): RunRecord | null {
    const runs = workers.get(worker);
    const run = runs?.get(id) ?? null;
    if (run === null) return null;
    runs?.delete(id);
    if (runs?.size === 0) workers.delete(worker);
    changed.delete(run);
    return run;
  }

  function settled(event: OutcomeEvent): void {
    // Another delivery of a job that runs in this process: what happens to the job is in the record of that run.
    if (event.outcome === "release" && event.reason?.code === "RUNNING_HERE") return;
    add(endedChange(event, taken(event.id, event.worker), wallMs()));
  }

  events.on("settled", settled);
  events.on("cancelled", (label) => recorder.removed(label, thisProcess(), `cancelled by ${thisProcess()}`));
  events.on("lease_lost", ({ id, worker }) => {
    const run = taken(id, worker);
    if (run !== null) add(run.lost());
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
    enqueued(envelope, at) {
      const { id, type, queue = defaults.queue, args, meta } = envelope;
      const label = { id, type, queue, tenant: meta?.tenant_id ?? null };
      const { text, hide } = redact(args);
      add({ ...unknownJob(label, at), payload: text, items: labelItems(envelope, hide) });
    },
    removed(label, by, message) {
      const at = wallMs();
      const base = {
        ...unknownJob(label, at),
        state: "cancelled",
        endedAt: at,
        replaces: Number.MAX_SAFE_INTEGER,
      } as const;
      add({ ...base, message, items: by === null ? {} : { [CANCEL_ITEM]: JSON.stringify({ by }) } });
    },
    replayed(id) {
      const at = wallMs();
      add({ ...unknownJob({ id, type: "", queue: "" }, at), replaces: at });
    },
    dropped(id) {
      const at = wallMs();
      const by = thisProcess();
      const items = { [CANCEL_ITEM]: JSON.stringify({ by }) };
      const base = { ...unknownJob({ id, type: "", queue: "" }, at), state: "discarded", items } as const;
      add({ ...base, code: DROPPED, message: `its dead letter was dropped by ${by}`, endedAt: at, replaces: at });
    },
    recording(lease, worker) {
      let run: RunRecord | null = null;
      const touched = (): void => {
        if (run === null || workers.get(worker)?.get(lease.id) !== run) return;
        changed.add(run);
        buffer().wake();
      };
      return {
        started(envelope) {
          const payload = redact(envelope.args);
          const label = labelItems(envelope, payload.hide);
          run = createRunRecord({ ...startedChange(lease, envelope, wallMs()), worker, task, payload, label });
          runsOf(worker).set(lease.id, run);
          changed.add(run);
          buffer().wake();
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
