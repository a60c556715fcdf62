import type { Jobs } from "@waybill/core";

/** A page of records, as `jobs.records.find` returns it. */
interface RecordPage {
  readonly records: readonly unknown[];
  readonly next: string | null;
}

/** What a connection may offer beyond its queues. Each member is absent where core or the connection has none. */
export interface Features {
  readonly records: {
    get(id: string): Promise<unknown>;
    find(query: Readonly<Record<string, unknown>>): Promise<RecordPage>;
  } | null;
  readonly flows: {
    get(id: string): Promise<unknown>;
    list(query?: Readonly<Record<string, unknown>>): Promise<unknown>;
    cancel(id: string): Promise<unknown>;
  } | null;
  readonly why: ((id: string) => Promise<unknown>) | null;
}

/** Reads what the connection has by its members. Never throws. */
export function featuresOf(jobs: Jobs): Features {
  const { records = null, flows = null, why = null } = jobs as Partial<Features>;
  return {
    records: typeof records?.get === "function" && typeof records.find === "function" ? records : null,
    flows: typeof flows?.get === "function" && typeof flows.list === "function" ? flows : null,
    why: typeof why === "function" ? why : null,
  };
}

/** Returns the result of the call; null where the connection does not have it, and when the call fails. */
export async function optional<T>(call: (() => Promise<T>) | null): Promise<T | null> {
  if (call === null) return null;
  try {
    return await call();
  } catch {
    return null;
  }
}
