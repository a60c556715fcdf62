import { randomInt } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import type { DeadReason, Signature } from "@waybill/core";
import { countOf, decodeBody, type Lease, type LeaseRequest, momentOf, numberOf, textOf } from "@waybill/core/backend";
import { clamped, whole } from "../sql/columns.ts";
import { prepareOn } from "../sql/statement.ts";
import { createJobState } from "./job-state.ts";
import type { Gate, Limits } from "./gate.ts";
import { createLimitKeys, type LimitKey, limitKeysOf } from "./limit-keys.ts";
import { createUniqueKeys } from "./unique.ts";

/** Identifies one lease: the position of its job, and a random number. */
export interface Token {
  /** As text, since another program's may be beyond 2^53. SQLite compares it as an integer. */
  readonly seq: string;
  readonly number: number;
  /** The concurrency keys whose slots the lease takes, so that its end need not read them. Absent: none. */
  readonly limitKeys?: readonly LimitKey[];
}

/** Null for a token that another backend made. */
export function tokenOf({ token }: Lease): Token | null {
  if (typeof token !== "object" || token === null || !("seq" in token) || !("number" in token)) return null;
  return typeof token.seq === "string" && typeof token.number === "number" ? (token as Token) : null;
}

export interface ReadyJobs {
  /** Whether the call may get a job. Reads only. */
  any(request: Limits): boolean;
  /** Leases the first jobs of the queue that the call may have, within a transaction that the caller began. */
  lease(request: Limits & Pick<LeaseRequest, "leaseMs">): Lease[];
  /** Whether the last `lease` stopped before it had looked at every ready job. */
  readonly isCut: boolean;
}

/** A row of `waybill_ready` and its job, which another program may have written. */
interface ReadyRow {
  readonly rank: number;
  readonly seq: string;
  /** Null for a job that has no keys and was never leased before. */
  readonly marks: unknown;
  readonly [column: string]: unknown;
}

/** Lease numbers are random, so that processes need not agree on a sequence. */
const LEASE_NUMBERS = 2 ** 48 - 1;

export function createReadyJobs(db: DatabaseSync, now: () => number, gate: Gate): ReadyJobs {
  const prepare = prepareOn(db);
  const uniqueKeys = createUniqueKeys(db, createJobState(db));
  const limitKeys = createLimitKeys(db);
  // Each column is converted to its type. `body` is null when it is no text. `marks` is one column for what most jobs do not have,
  // since each column costs each job.
  const first = prepare(`SELECT ${clamped("ready.rank")} AS rank, CAST(ready.seq AS TEXT) AS seq,
            CAST(job.id AS TEXT) AS id, CAST(job.type AS TEXT) AS type,
            CAST(job.tenant AS TEXT) AS tenant, ${whole("job.signature_timestamp")} AS signature_timestamp,
            CAST(job.signature AS TEXT) AS signature, ${whole("job.due_at")} AS due_at,
            CASE WHEN job.failures IS NOT 0 OR job.lost IS NOT 0 OR job.releases IS NOT 0
                   OR job.limit_keys IS NOT NULL OR job.unique_taken IS NOT NULL
              THEN json_array(${whole("job.failures")}, ${whole("job.lost")}, ${whole("job.releases")},
                job.unique_taken = 1 AND job.unique_until = 'start', CAST(job.limit_keys AS TEXT)) END AS marks,
            CASE typeof(job.body) WHEN 'text' THEN job.body END AS body
     FROM waybill_ready AS ready LEFT JOIN waybill_jobs AS job ON job.seq = ready.seq
     WHERE ready.queue = ?
     ORDER BY ready.rank, ready.seq LIMIT ?`);
  const insert = prepare(`INSERT OR IGNORE INTO waybill_leases (seq, token, leased_at, lease_ms)
     SELECT seq, ?, ?, ? FROM (SELECT seq FROM waybill_ready WHERE queue = ? ORDER BY rank, seq LIMIT ?)
     WHERE seq IN (SELECT seq FROM waybill_jobs)`);
  const remove = prepare(`DELETE FROM waybill_ready WHERE (queue, rank, seq) IN (
       SELECT queue, rank, seq FROM waybill_ready WHERE queue = ? ORDER BY rank, seq LIMIT ?)`);
  const inserted = prepare("SELECT CAST(seq AS TEXT) AS seq FROM waybill_leases WHERE token = ?");
  const bytes = prepare("SELECT CAST(body AS BLOB) AS bytes FROM waybill_jobs WHERE seq = ?");
  const bytesOf = (seq: string): Uint8Array | null => (bytes.get(seq)?.["bytes"] ?? null) as Uint8Array | null;

  /** Leaves out what got no lease: a job listed twice, leased already, or deleted by another program. */
  function leasedOf(rows: readonly ReadyRow[], number: number): ReadyRow[] {
    const seqs = new Set(inserted.all(number).map((row) => row["seq"]));
    return rows.filter(({ seq }) => seqs.delete(seq));
  }

  /** Does what a first lease means for the keys of a job. Returns its token. */
  function tokenFor(seq: string, number: number, { freesKey, limitKeys: text }: Marks): Token {
    if (freesKey === 1) uniqueKeys.free(seq);
    if (text === null) return { seq, number };
    const keys = limitKeysOf(text);
    if (keys.length === 0) return { seq, number };
    limitKeys.leased(seq, number, keys);
    return { seq, number, limitKeys: keys };
  }

  return {
    any: (request) => gate.mayLease(request),
    get isCut() {
      return gate.isCut;
    },
    lease(request) {
      const { queue, leaseMs } = request;
      for (;;) {
        const limit = gate.open(request);
        const rows = limit === 0 ? [] : (first.all(queue, limit) as unknown as ReadyRow[]);
        if (rows.length === 0) return [];
        const number = randomInt(LEASE_NUMBERS);
        const at = now();
        const { changes } = insert.run(number, at, Math.ceil(leaseMs), queue, rows.length);
        remove.run(queue, rows.length);
        const leased = Number(changes) === rows.length ? rows : leasedOf(rows, number);
        if (leased.length === 0) continue;
        return leased.map((row) => {
          const marks = marksOf(row.marks);
          return leaseOf(row, marks, queue, tokenFor(row.seq, number, marks), at + leaseMs, bytesOf);
        });
      }
    },
  };
}

interface Marks {
  readonly failures: unknown;
  readonly lost: unknown;
  readonly releases: unknown;
  /** 1 when the first lease frees the unique key. */
  readonly freesKey: unknown;
  readonly limitKeys: unknown;
}

const UNMARKED: Marks = { failures: 0, lost: 0, releases: 0, freesKey: 0, limitKeys: null };

function marksOf(column: unknown): Marks {
  if (typeof column !== "string") return UNMARKED;
  const [failures, lost, releases, freesKey, limitKeys] = JSON.parse(column) as unknown[];
  return { failures, lost, releases, freesKey, limitKeys };
}

function leaseOf(
  row: ReadyRow,
  { failures, lost, releases }: Marks,
  queue: string,
  token: Token,
  expiresAt: number,
  bytesOf: (seq: string) => Uint8Array | null,
): Lease {
  const { rank, seq } = row;
  return {
    id: textOf(row["id"]) ?? "",
    type: textOf(row["type"]) ?? "",
    queue,
    priority: 0 - rank,
    tenant: textOf(row["tenant"]),
    signature: signatureOf(row["signature_timestamp"], row["signature"]),
    ...bodyOf(row["body"], () => bytesOf(seq)),
    attempt: countOf(failures, 0) + 1,
    lost: countOf(lost, 0),
    releases: countOf(releases, 0),
    dueAt: momentOf(row["due_at"]),
    expiresAt,
    token,
  };
}

/** `node:sqlite` replaces bytes that are not UTF-8 by U+FFFD. A text with that character is therefore read again as bytes. */
function bodyOf(
  body: unknown,
  bytes: () => Uint8Array | null,
): { readonly body: string; readonly damage?: DeadReason } {
  if (typeof body === "string" && !body.includes("\uFFFD")) return { body };
  try {
    return { body: decodeBody(bytes() ?? new Uint8Array()) };
  } catch {
    return { body: "", damage: { code: "ENCODING_INVALID", message: "the stored body is not UTF-8" } };
  }
}

/** Null when the row has no signature, or one that cannot be read. */
export function signatureOf(timestamp: unknown, value: unknown): Signature | null {
  const [signedAt, text] = [numberOf(timestamp), textOf(value)];
  return signedAt === null || text === null ? null : { timestamp: signedAt, value: text };
}
