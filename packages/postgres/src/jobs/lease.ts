import { randomInt } from "node:crypto";
import type { Signature } from "@waybill/core";
import { countOf, type Lease, type LeaseRequest, momentOf } from "@waybill/core/backend";
import { arrayLiteral, type Query } from "../connection/query.ts";
import { createVacuum } from "./dead-rows.ts";
import { type AskedLimits, askedLimitsOf } from "./limit-keys.ts";

export interface ReadyJobs {
  /** Leases the first ready jobs of a queue that its limits allow. Does not wait for any. */
  lease(request: Omit<LeaseRequest, "waitMs" | "signal">): Promise<Leased>;
  /** Makes jobs ready again as if they had never been leased. */
  release(leases: readonly Lease[]): Promise<void>;
}

export interface Leased {
  readonly leases: Lease[];
  /** Whether to look again soon: another process was just counting the leases of a key, or many jobs were set aside. */
  readonly again: boolean;
}

/** One row of `lease()`. Bigints arrive as text. */
interface LeasedRow {
  readonly seq: string;
  readonly id: string;
  readonly type: string;
  readonly rank: number;
  readonly tenant: string | null;
  readonly signature: string | null;
  readonly signature_timestamp: string | null;
  readonly failures: number;
  readonly lost: number;
  readonly releases: number;
  /** For how long the job has been due, by the server's clock; null when it was never delayed. */
  readonly late_ms: number | null;
  readonly body: string;
}

/** The row that says to look again. `seq` is how many jobs were set aside. */
interface AgainRow {
  readonly seq: string;
  readonly id: null;
}

/** Tokens are random, so that processes need not agree on a sequence. No lease has the token 0. */
const TOKENS = 2 ** 48 - 1;
const MAX_LEASES = 1_000;

export function createReadyJobs(query: Query, schema: string): ReadyJobs {
  const columns =
    "seq, id, type, rank, tenant, signature, signature_timestamp, failures, lost, releases, late_ms, body";
  const parameters = "$1::text, $2::text::integer, $3::text::float8, $4::text::bigint";
  const any = `SELECT ${columns} FROM "${schema}".lease(${parameters})`;
  const limited = `SELECT ${columns} FROM "${schema}".lease_limited(${parameters}, $5::text::text[], $6::text::integer[],
    $7::text::integer, $8::text::text[])`;
  const fill = `SELECT "${schema}".fill_lines(name, number)
    FROM unnest($1::text::text[], $2::text::integer[]) AS raised (name, number)`;
  const release = `SELECT * FROM "${schema}".release($1::text::text[], $2::text::bigint[])`;
  const vacuumAfter = createVacuum(query, schema);
  /** The number of each limit, as this process asked for it last. */
  const asked = new Map<string, number>();

  /** Jobs that wait for a key may start when the number is raised, also by the program that was deployed just now. */
  async function notice({ names, numbers }: AskedLimits): Promise<void> {
    const raised = names.flatMap((name, index) => {
      const number = numbers[index] ?? 0;
      const before = asked.get(name) ?? 0;
      asked.set(name, number);
      return number > before ? [{ name, number }] : [];
    });
    if (raised.length === 0) return;
    try {
      await query(fill, [
        arrayLiteral(raised.map(({ name }) => name)),
        arrayLiteral(raised.map(({ number }) => number)),
      ]);
    } catch (thrown) {
      for (const { name } of raised) asked.delete(name);
      throw thrown;
    }
  }

  function look(request: readonly string[], limits: AskedLimits | null): Promise<readonly unknown[]> {
    if (limits === null) return query(any, request);
    const { names, numbers, queueMost, withoutTypes } = limits;
    return query(limited, [
      ...request,
      arrayLiteral(names),
      arrayLiteral(numbers),
      queueMost,
      arrayLiteral(withoutTypes),
    ]);
  }

  return {
    async lease(request) {
      const { queue, limit, leaseMs } = request;
      const limits = askedLimitsOf(request);
      if (limits !== null) await notice(limits);
      const token = String(randomInt(1, TOKENS));
      const askedAt = Date.now();
      const found = await look([queue, String(Math.min(limit, MAX_LEASES)), String(leaseMs), token], limits);
      const rows = (found as (LeasedRow | AgainRow)[]).filter((row) => row.id !== null);
      const again = (found as (LeasedRow | AgainRow)[]).find((row) => row.id === null);
      if (limits !== null) vacuumAfter(again ? Number(again.seq) : null);
      // The server returns the rows in order, though it does not promise to.
      if (rows.some((row, index) => index > 0 && isBefore(row, rows[index - 1] ?? row))) {
        rows.sort((a, b) => (isBefore(a, b) ? -1 : 1));
      }
      const leases = rows.map((row) => leaseOf(row, queue, token, askedAt, leaseMs));
      return { leases, again: again !== undefined };
    },
    async release(leases) {
      if (leases.every((one) => tokenOf(one) === "0")) return;
      await query(release, idsAndTokens(leases));
    },
  };
}

function isBefore(a: LeasedRow, b: LeasedRow): boolean {
  return a.rank === b.rank ? Number(a.seq) < Number(b.seq) : a.rank < b.rank;
}

/** `askedAt`: Unix ms by this process's clock before the statement was sent, so that `expiresAt` is never too late. */
function leaseOf(row: LeasedRow, queue: string, token: string, askedAt: number, leaseMs: number): Lease {
  const { id, type, rank, tenant, signature, signature_timestamp, body, late_ms } = row;
  return {
    id,
    type,
    queue,
    priority: 0 - rank,
    tenant,
    signature: signatureOf(signature_timestamp, signature),
    body,
    attempt: countOf(row.failures, 0) + 1,
    lost: countOf(row.lost, 0),
    releases: countOf(row.releases, 0),
    dueAt: late_ms === null ? null : momentOf(Math.floor(askedAt - late_ms)),
    expiresAt: askedAt + leaseMs,
    token,
  };
}

/** Null when the row has no signature. */
export function signatureOf(timestamp: string | null, value: string | null): Signature | null {
  return timestamp === null || value === null ? null : { timestamp: Number(timestamp), value };
}

/** Returns "0", which no lease has, for a token that another backend made. */
export const tokenOf = ({ token }: Lease): string =>
  typeof token === "string" && /^\d{1,15}$/.test(token) ? token : "0";

/** The first two parameters of `ack()`, `extend()` and `release()`. */
export const idsAndTokens = (leases: readonly Lease[]): [ids: string, tokens: string] => [
  arrayLiteral(leases.map(({ id }) => id)),
  arrayLiteral(leases.map(tokenOf)),
];
