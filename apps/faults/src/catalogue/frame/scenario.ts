import type { BackendName } from "../../backends.ts";
import type { FaultContext, Size } from "./context.ts";

/** One fault, what waybill promises about it, and how both are tried. */
export interface Scenario {
  /** As `--only` takes it: words of small letters. */
  readonly name: string;
  /** What holds, in a sentence. */
  readonly promise: string;
  /** Rows of docs/guarantees.md that it proves. */
  readonly rows: readonly string[];
  /** For each backend: true, or why it does not run there. */
  readonly on: Readonly<Record<BackendName, true | string>>;
  /** The backends of the cut. Absent: all on which it runs. */
  readonly cut?: readonly BackendName[];
  /** Why it runs as root alone. Absent: anyone may run it. */
  readonly needsRoot?: string;
  /** How many jobs may run to their end more than once, and why as many. "measured": the run says how many. */
  readonly duplicates: {
    readonly most: number | "measured" | ((size: Size, backend: BackendName) => number);
    readonly why: string;
  };
  /** Settings that differ from those of `durability` in backends.ts. */
  readonly durability?: string;
  /** A takeover must take less than this and 2 s. 0 where the job is released, so that no lease has to end. */
  readonly leaseMs?: number;
  /** The sum of a worker's limits: from SIGTERM to its exit may take this and 1 s. */
  readonly exitLimitMs?: number;
  /** "waits": many at once. "works": it takes most of a core. "alone": it measures what a neighbour would spoil. */
  readonly load: "waits" | "works" | "alone";
  /** "own": it kills, freezes or restarts its server. "shared": one server for all. */
  readonly server: "own" | "shared";
  run(context: FaultContext): Promise<Measured>;
}

/** What a run has measured, from the ledger outside of the system. */
export interface Measured {
  /** Jobs whose `enqueue` resolved. */
  readonly accepted: number;
  /** Ids of those that did not end. */
  readonly lost: readonly string[];
  /** Jobs that ran to their end more than once. */
  readonly duplicated: number;
  /** The most that are predicted, where that depends on the run, such as on the number of its kills. */
  readonly predicted?: number;
  /** From each kill to the next start of its job. */
  readonly takeoversMs?: readonly number[];
  /** From each SIGTERM to the end of the process. */
  readonly exitsMs?: readonly number[];
  /** What else did not hold, one sentence each. */
  readonly violations?: readonly string[];
}

/** It runs on every backend. */
export const everywhere: Scenario["on"] = { sqlite: true, bullmq: true, postgres: true, rabbitmq: true, sqs: true };

/** It runs on every backend but these, for the reason that each has. */
export const everywhereBut = (reasons: Partial<Record<BackendName, string>>): Scenario["on"] => ({
  ...everywhere,
  ...reasons,
});

/** It is about a server that is away. */
export const onServers: Scenario["on"] = everywhereBut({ sqlite: "SQLite has no server" });

/** It runs on these; on the others not, for one reason. */
export const onlyOn = (names: readonly BackendName[], reason: string): Scenario["on"] => {
  const rest = Object.keys(everywhere).filter((name) => !names.includes(name as BackendName));
  return everywhereBut(Object.fromEntries(rest.map((name) => [name, reason])));
};

export const none = { most: 0, why: "nothing that has ended runs again" } as const;
