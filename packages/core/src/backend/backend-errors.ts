import type { WaybillError } from "../errors.ts";
import { isOfBackend } from "./own-errors.ts";

/** Settles as `work` does. Rejects with an error of ours: what a driver lets through is `BACKEND_UNAVAILABLE` with its cause. */
export function plain<T>(work: Promise<T>): Promise<T> {
  return work.catch(async (thrown: unknown) => {
    throw await unavailable(thrown);
  });
}

/** As `asUnavailable`, which is loaded for an error that is not ours. */
export async function unavailable(thrown: unknown): Promise<WaybillError> {
  return isOfBackend(thrown) ? thrown : (await import("./as-unavailable.ts")).asUnavailable(thrown);
}
