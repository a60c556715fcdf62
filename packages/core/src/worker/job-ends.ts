import type { Lease } from "../backend/contract.ts";
import type { Ledger, LedgerChange } from "../backend/ledger.ts";
import { WaybillError } from "../errors.ts";
import { type MemberOfFlow, flowOf } from "../features/flows/flow-mark.ts";
import type { Settled } from "../features/flows/flow-run.ts";
import type { FlowStarter } from "../features/flows/store-flow.ts";
import { endChange } from "../features/results/result-record.ts";
import type { FlowRun } from "../job/flow-types.ts";
import type { JobDefinition } from "../job/job-definition.ts";
import { keepResultMsOf } from "../job/result-options.ts";
import { type Outcome, release } from "../job/outcome.ts";
import { pause } from "../time/pause.ts";
import { errorMessage, toError } from "../values/thrown.ts";
import type { InFlightJob } from "./in-flight-job.ts";

/** What has to be stored of one job before its end is settled: its result, its place in a flow. */
export interface JobEnd {
  /**
   * Calls `run` unless its flow says that the job is not to run, and stores its end. While the ledger is unavailable the job is
   * released, which spends no attempt. Never rejects, as `run` never does.
   */
  execute(job: InFlightJob, run: (flow?: FlowRun) => Promise<Outcome>): Promise<Outcome>;
  /** Stores the end of a job that does not run. Never rejects. */
  end(job: InFlightJob, outcome: Outcome): Promise<Outcome>;
  /** Stores that the outcome is settled, where its flow must know that. Never rejects. */
  settled(): Promise<void>;
}

/** Finds the jobs that have a result or are members of a flow. Every other job passes without a call of the ledger. */
export interface JobEnds {
  /** Null for a job that is neither. */
  of(lease: Lease): JobEnd | null;
}

export interface JobEndsSettings {
  /** Null: members of flows are released, since another worker may have a ledger. */
  readonly ledger: Ledger | null;
  /** Of the backend, for errors. */
  readonly address: string;
  readonly jobs: readonly JobDefinition[];
  /** Null without a ledger. */
  readonly flows: FlowStarter | null;
  /** Called with the error of a call of the ledger; with null after one that succeeded. */
  readonly reached: (error: Error | null) => void;
}

const AWAY_MS = 5_000;
/** Pauses between the tries to store an end. The job has run, so a release would run it again. */
const TRIES_MS = [100, 400, 1_000, 2_000, 4_000] as const;

/** Throws `CONFIG_INVALID` for a `result` that cannot work, and `CAPABILITY_MISSING` for a job with `result` where there is no ledger. */
export function createJobEnds({ ledger, address, jobs, flows, reached }: JobEndsSettings): JobEnds {
  const kept = new Map<string, number>();
  for (const job of jobs) {
    const keepMs = keepResultMsOf(job);
    if (keepMs !== null) kept.set(job.type, keepMs);
  }
  const [needing] = kept.keys();
  if (ledger === null && needing !== undefined) {
    const remedy = 'give the connection one, as in connect(url, { ledger: "postgres://…" }), or leave the result out';
    throw new WaybillError(
      "CAPABILITY_MISSING",
      `"${needing}" has a result, and ${address} has no ledger to keep it in: ${remedy}`,
    );
  }

  async function store(
    lease: Lease,
    keepMs: number | undefined,
    member: MemberOfFlow | null,
    outcome: Outcome,
  ): Promise<Settled | null> {
    const change = keepMs === undefined ? null : endChange(lease.id, outcome, keepMs);
    const changes: LedgerChange[] = change === null ? [] : [change];
    if (member !== null && flows !== null) {
      const { leaveMember } = await import("../features/flows/flow-run.ts");
      return leaveMember(flows, member, outcome, changes, lease);
    }
    if (changes.length > 0) await ledger?.commit(changes);
    return null;
  }

  function endOf(lease: Lease, keepMs: number | undefined, member: MemberOfFlow | null): JobEnd {
    let whenSettled: Settled | null = null;

    async function end(job: InFlightJob, outcome: Outcome): Promise<Outcome> {
      if (outcome.kind !== "completed" && outcome.kind !== "dead") return outcome;
      for (let tries = 0; ; tries++) {
        try {
          whenSettled = await store(lease, keepMs, member, outcome);
          reached(null);
          return outcome;
        } catch (thrown) {
          reached(toError(thrown));
          const waitMs = TRIES_MS[tries];
          if (waitMs === undefined || job.isLost || job.hasExpired) return away("its end could not be stored", thrown);
          await pause(waitMs);
        }
      }
    }

    return {
      end,
      async execute(job, run) {
        // Without a ledger `execute` releases a member.
        if (member === null || flows === null) return end(job, await run());
        let flow: FlowRun;
        try {
          const { enterMember, flowRun } = await import("../features/flows/flow-run.ts");
          const refused = await enterMember(flows, member, lease);
          reached(null);
          if (refused !== null) {
            whenSettled = refused.settled;
            return refused.outcome;
          }
          flow = flowRun(flows, member);
        } catch (thrown) {
          reached(toError(thrown));
          return away("its flow could not be looked up", thrown);
        }
        return end(job, await run(flow));
      },
      async settled() {
        try {
          await whenSettled?.();
        } catch (thrown) {
          reached(toError(thrown));
        }
      },
    };
  }

  return {
    of(lease) {
      const keepMs = kept.size === 0 ? undefined : kept.get(lease.type);
      const member = flowOf(lease);
      return keepMs === undefined && member === null ? null : endOf(lease, keepMs, member);
    },
  };
}

const away = (what: string, thrown: unknown): Outcome =>
  release(AWAY_MS, "LEDGER_UNAVAILABLE", `${what}: ${errorMessage(thrown)}`);
