import type { Backend, Lease, Report, Result } from "../../backend/contract.ts";
import { WaybillError } from "../../errors.ts";
import { monotonicMs } from "../../time/clock.ts";
import { within, withTimeout } from "../../time/time-limit.ts";
import { toError } from "../../values/thrown.ts";
import type { DeliveredKeys } from "./delivered-keys.ts";
import { createKeyFreeing } from "./key-freeing.ts";
import { ENDING_MS } from "./key-record.ts";
import { innerOf, tokenOf } from "./keyed-lease.ts";

/** A settle waits this long for the ledger at most, so that it holds up no job that is settled with it. */
const LEDGER_MS = 1_000;
/** A job that is released or retried for less keeps its key for a little less than a week beyond it. */
const LONG_WAIT_MS = 3_600_000;

/**
 * Settles jobs of a backend whose unique keys a ledger keeps. The end of a job is stored only once its key is marked to expire in a
 * minute, so that it is free then at the latest, whatever dies or is away. Until the mark is made, the end rejects
 * `BACKEND_UNAVAILABLE`: the worker keeps the lease and tries again.
 */
export function createKeyEnds(
  backend: Backend,
  delivered: DeliveredKeys,
  report: Report,
  closed: AbortSignal,
): Pick<Backend, "ack" | "retry" | "deadLetter"> {
  const freeing = createKeyFreeing(delivered, report, closed);

  /** Marks the key of a job whose end is about to be stored. Returns why the end may not be stored yet; null when it may. */
  async function mark(lease: Lease): Promise<WaybillError | null> {
    const token = tokenOf(lease);
    const { kept } = token;
    if (kept === null || monotonicMs() - token.markedAt < ENDING_MS / 2) return null;
    // One that takes long is not begun again.
    token.marking ??= delivered
      .ending(lease.id, kept)
      .then((marked) => void ([token.kept, token.markedAt] = [marked, monotonicMs()]))
      .finally(() => (token.marking = null));
    try {
      await withTimeout(token.marking, LEDGER_MS);
      return null;
    } catch (thrown) {
      const { message } = toError(thrown);
      const error = `the end of job "${lease.id}" is not stored until its unique key can be freed: ${message}`;
      report.failed("unique keys", toError(thrown));
      return new WaybillError("BACKEND_UNAVAILABLE", error);
    }
  }

  async function freed(leases: readonly Lease[]): Promise<void> {
    for (const lease of leases) {
      const { kept } = tokenOf(lease);
      if (kept !== null) freeing.freeSoon(kept);
    }
    await within(freeing.whenTried(), LEDGER_MS);
  }

  async function ackKeyed(leases: readonly Lease[]): Promise<Result<null>[]> {
    const errors = await Promise.all(leases.map(mark));
    const marked = leases.filter((_, at) => errors[at] === null);
    const stored = marked.length === 0 ? [] : await backend.ack(marked.map(innerOf));
    await freed(marked.filter((_, at) => stored[at]?.ok));
    const results = new Map(marked.map((lease, at) => [lease, stored[at] as Result<null>]));
    return leases.map((lease, at) => results.get(lease) ?? { ok: false, error: errors[at] as WaybillError });
  }

  return {
    async ack(leases) {
      const keyed = leases.filter((lease) => tokenOf(lease).kept !== null);
      if (keyed.length === 0) return backend.ack(leases.map(innerOf));
      const others = leases.filter((lease) => tokenOf(lease).kept === null);
      const [ends, acks] = await Promise.all([
        ackKeyed(keyed),
        others.length === 0 ? [] : backend.ack(others.map(innerOf)),
      ]);
      const results = new Map([...keyed, ...others].map((lease, at) => [lease, [...ends, ...acks][at]]));
      return leases.map((lease) => results.get(lease) as Result<null>);
    },
    async deadLetter(lease, reason) {
      const error = await mark(lease);
      if (error !== null) throw error;
      await backend.deadLetter(innerOf(lease), reason);
      await freed([lease]);
    },
    /** The key of a job that is to wait for long outlasts that wait. Without the ledger the key ends as it would have. */
    async retry(lease, request) {
      const token = tokenOf(lease);
      if (token.kept !== null && request.delayMs >= LONG_WAIT_MS) {
        try {
          token.kept = await withTimeout(delivered.waits(lease.id, token.kept, request.delayMs), LEDGER_MS);
        } catch (thrown) {
          report.failed("unique keys", toError(thrown));
        }
      }
      return backend.retry(innerOf(lease), request);
    },
  };
}
