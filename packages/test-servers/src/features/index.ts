export type { Both } from "./with-ledger.ts";
export { enqueueUnique, featuresWithoutLedger, runLimitedAndScheduled } from "./with-ledger.ts";
export type { Transact } from "./once-in-transaction.ts";
export { bookOnce } from "./once-in-transaction.ts";
export { ENDED_BY_ANOTHER, endedByAnother } from "./results.ts";
export { listByRecords, pruneUnderLoad } from "./records.ts";
