import { connect, type Jobs } from "@waybill/core";

// Next may load this file more than once in a process, and `next dev` does after each change: the connection outlives both.
const shared = globalThis as typeof globalThis & { waybill?: Promise<Jobs> | undefined };

/** Returns the connection of this process. The first request opens it, since `next build` loads this file as well. */
export function jobs(): Promise<Jobs> {
  shared.waybill ??= connect(process.env.WAYBILL_URL ?? "sqlite:./waybill.db").catch((error: unknown) => {
    shared.waybill = undefined; // the next request tries again
    throw error;
  });
  return shared.waybill;
}
