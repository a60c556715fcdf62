import { type Capabilities, judge, type Need } from "@waybill/core/backend";

/** A backend as the table names it. */
export interface MatrixColumn {
  readonly name: string;
  readonly capabilities: Capabilities;
  /** Whether it has a ledger of its own. */
  readonly hasLedger: boolean;
  /** Whether it has a worker registry of its own. */
  readonly hasWorkerRegistry: boolean;
  /** It has `JobControl`: its jobs can be listed and changed. */
  readonly hasJobControl: boolean;
}

/** Returns a Markdown table of what backends can do: one row for each limit and each need, one column for each backend. */
export function capabilityMatrix(columns: readonly MatrixColumn[]): string {
  const head = ["", ...columns.map((column) => column.name)];
  const rows = ROWS.map(([title, cell]) => [title, ...columns.map((column) => cell(column.capabilities, column))]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

const BORROWED = "emulated with a borrowed ledger";

type Row = readonly [title: string, cell: (has: Capabilities, column: MatrixColumn) => string];

const ROWS: readonly Row[] = [
  ["longest delay at enqueue", (has) => limited(has.maxDelayMs, { kind: "delay", delayMs: Infinity }, has)],
  ["longest delay at retry", (has) => limited(has.maxRetryDelayMs, { kind: "retryDelay", delayMs: Infinity }, has)],
  ["whose clock ends a delay", (has) => (has.leasesWhenDue ? "the store's clock" : "also the worker's clock")],
  ["priorities", (has) => (has.priorityLevels > 1 ? String(has.priorityLevels) : "refused")],
  ["largest body", (has) => (has.maxBodyBytes === Infinity ? "any" : `${kibibytes(has.maxBodyBytes)} KiB`)],
  ["messages per call", (has) => count(has.maxBatch)],
  ["longest lease", (has) => (has.maxLeaseMs === 0 ? "the connection" : span(has.maxLeaseMs))],
  ["longest run of a job", (has) => span(Math.min(has.maxRunMs ?? Infinity, has.maxLeaseMs || Infinity))],
  ["order within a priority", (has) => (has.ordering === "fifo" ? "first in, first out" : "not promised")],
  ["same id enqueued twice", (has) => (has.uniqueIds ? "stored once" : "stored twice")],
  ["what counts as an attempt", (has) => (has.countsDeliveries ? "every delivery" : "every failure")],
  ["dead workers counted", (has) => yes(has.countsLost)],
  ["releases counted", (has) => yes(has.countsReleases)],
  ["ledger", (_has, { hasLedger }) => (hasLedger ? "its own" : "borrowed")],
  [
    "list of its workers",
    (_has, { hasLedger, hasWorkerRegistry }) => {
      return hasWorkerRegistry ? "native" : hasLedger ? "emulated" : BORROWED;
    },
  ],
  [
    "unique keys",
    (has, { hasLedger }) => {
      return has.uniqueKeys ? "native" : hasLedger ? "emulated" : BORROWED;
    },
  ],
  [
    "concurrency of a key or a queue",
    (has, { hasLedger }) => {
      if (has.keyConcurrency === true) return "native";
      return has.countsDeliveries ? "refused" : hasLedger ? "emulated" : BORROWED;
    },
  ],
  [
    "rate of a key or a queue",
    (has, { hasLedger }) => {
      return has.countsDeliveries ? "refused" : hasLedger ? "emulated" : BORROWED;
    },
  ],
  ["results; flows", (_has, { hasLedger }) => (hasLedger ? "emulated" : "emulated with a borrowed ledger")],
  ["schedules", (_has, { hasLedger }) => (hasLedger ? "emulated" : "emulated with a borrowed ledger")],
  ["fairness among tenants", (has) => (has.fairTenants ? "native" : "refused")],
  ["jobs found, listed, rescheduled", (_has, { hasJobControl }) => (hasJobControl ? "native" : "refused")],
  [
    "a waiting job cancelled",
    (_has, { hasJobControl }) => (hasJobControl ? "at once" : "when it is delivered, with a borrowed ledger"),
  ],
  ["a running job cancelled; a queue paused", (_has, { hasLedger }) => (hasLedger ? "emulated" : BORROWED)],
  [
    "a type paused",
    (has, { hasLedger }) => {
      if (has.countsDeliveries) return "refused";
      return has.excludesTypes ? "native" : hasLedger ? "emulated" : BORROWED;
    },
  ],
  [
    "records of what happened to a job",
    (_has, { hasLedger }) => (hasLedger ? "native" : "in the backend of a borrowed ledger"),
  ],
  ["a finished id remembered", (_has, { hasLedger }) => (hasLedger ? "emulated" : BORROWED)],
  ["survives a restart of the machine", (has) => yes(has.durable)],
];

/** A limit, and in brackets what core does about a need beyond it, where there is a beyond. */
function limited(limitMs: number, beyond: Need, has: Capabilities): string {
  const verdict = judge(beyond, has).kind;
  if (verdict === "native") return "any";
  return limitMs === 0 ? verdict : `${span(limitMs)} (beyond: ${verdict})`;
}

const yes = (value: boolean): string => (value ? "yes" : "no");
const count = (value: number): string => (value === Infinity ? "any number" : String(value));
const kibibytes = (bytes: number): number => Math.round(bytes / 1_024);

/** Milliseconds in the largest unit that holds at least two of them, rounded down: a limit is never made larger. */
function span(ms: number): string {
  if (ms === Infinity) return "any";
  for (const [unit, size] of UNITS) {
    const value = ms / size;
    if (value >= 2 || value === 1) return `${Math.floor(value * 10) / 10} ${unit}`;
  }
  return `${ms} ms`;
}

const UNITS = [
  ["y", 365 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;
