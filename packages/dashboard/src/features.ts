import type { Jobs } from "@waybill/core";

/** What a connection may offer beyond its queues. */
export interface Features {
  readonly flows: {
    get(id: string): Promise<unknown>;
    list(query?: Readonly<Record<string, unknown>>): Promise<unknown>;
    cancel(id: string): Promise<unknown>;
  } | null;
}

/** Reads what the connection has by its members. Never throws. */
export function featuresOf(jobs: Jobs): Features {
  const { flows = null } = jobs as unknown as Partial<Features>;
  return { flows: typeof flows?.get === "function" && typeof flows.list === "function" ? flows : null };
}

/** Returns the result of the call; null when it fails. */
export async function optional<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch {
    return null;
  }
}
