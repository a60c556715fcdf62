import type { JobControl } from "../../backend/job-control.ts";
import type { Ledger } from "../../backend/ledger.ts";
import type { Seam } from "../../backend/seam.ts";
import { WaybillError } from "../../errors.ts";
import { describeValue } from "../../known-options.ts";

/** Returns the job control. Throws `CAPABILITY_MISSING` where the backend cannot look into its queues. */
export function jobControlFor({ backend, jobControl }: Pick<Seam, "backend" | "jobControl">, call: string): JobControl {
  if (jobControl !== null) return jobControl;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${call} cannot work on ${backend.address}: its broker delivers messages in turn and lets no one look up, list or change one that waits; ` +
      'with records, connect(url, { ledger, records: "7d" }), their record is listed; jobs.inspector counts them, jobs.cancel records a cancel with a ledger, and "postgres:", "redis:" and "sqlite:" list theirs',
  );
}

/** Returns the ledger. Throws `CAPABILITY_MISSING` where there is none. */
export function ledgerFor({ backend, ledger }: Pick<Seam, "backend" | "ledger">, call: string): Ledger {
  if (ledger !== null) return ledger;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${call} needs a ledger, which ${backend.address} does not have: give the connection one of another backend, as in { ledger: "postgres://…" }`,
  );
}

/** Throws `CONFIG_INVALID` for an id that is no text. */
export function assertId(id: unknown, call: string): asserts id is string {
  if (typeof id === "string" && id !== "") return;
  throw invalid(`${call} got ${describeValue(id)}: pass the id of a job, as its receipt has it`);
}

export const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
