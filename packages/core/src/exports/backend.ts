/** What a backend package needs: the contract, what it may offer beyond it, and core's judgement of both. */
export type {
  Admit,
  Backend,
  BackendContext,
  BackendFactory,
  Lease,
  LeaseRequest,
  Message,
  Rejection,
  Report,
  RetryRequest,
  UniqueKey,
} from "../backend/contract.ts";
export type {
  Ledger,
  LedgerBackend,
  LedgerChange,
  LedgerCommit,
  LedgerRecord,
  LedgerWatch,
} from "../backend/ledger.ts";
export { ledgerOf } from "../backend/ledger.ts";
export type {
  RecordChange,
  RecordFilter,
  RecordPage,
  RecordLimits,
  RecordRange,
  RecordState,
  RecordStore,
  RecordStoreBackend,
  StoredRecord,
} from "../backend/record-store.ts";
export { RECORD_STATES, recordStoreOf } from "../backend/record-store.ts";
export { matchRecord, mergeRecord } from "../backend/merge-record.ts";
export { guardedRecordStore } from "../backend/shared/guarded-record-store.ts";
export type {
  ControlResult,
  JobControl,
  JobControlBackend,
  JobPage,
  JobQuery,
  JobState,
  StoredJob,
} from "../backend/job-control.ts";
export { jobControlOf } from "../backend/job-control.ts";
export type { FullKey, JobTrace } from "../backend/job-trace.ts";
export { MOST_AHEAD, MOST_SLOTS } from "../backend/job-trace.ts";
export type { Capabilities } from "../backend/capabilities.ts";
export type { Need, Verdict } from "../backend/needs.ts";
export { judge } from "../backend/needs.ts";
export { notStored } from "../backend/not-stored.ts";
export { closedAtOpening, tlsFault, type TlsRemedies } from "../backend/tls-fault.ts";
export type { BackendSetting, ExaminableBackend, ServerVersion } from "../backend/doctor.ts";
export { clockFinding } from "../backend/clock-finding.ts";
export { doctorOf } from "../backend/doctor.ts";
export { errorText, parseError, serialiseError } from "../values/error-record.ts";
export { decodeBody } from "../envelope/index.ts";
export { countOf, isQueueName, momentOf, numberOf, textOf } from "../backend/foreign-records.ts";
export type { InspectableBackend } from "../backend/inspector.ts";
export { inspectorOf } from "../backend/inspector.ts";
export type { OptionNames } from "../known-options.ts";
export { assertGuardOptions, assertKnownOptions, describeValue, unknownName } from "../known-options.ts";
export { maskUrl } from "../values/mask-url.ts";
export { matchDeadLetters } from "../backend/match-dead-letters.ts";
export { matchJobs } from "../backend/match-jobs.ts";
export type { Announced, WorkerRegistry, WorkerRegistryBackend } from "../backend/worker-registry.ts";
export { workerRegistryOf } from "../backend/worker-registry.ts";
export { isInstance, member } from "../values/any-value.ts";
export { errorCode } from "../values/thrown.ts";
export type { LedgerInTransaction, TransactionalBackend } from "../backend/transactional.ts";
export type { BackendVerbs, CloseGuard } from "../backend/shared/close-guard.ts";
export { createCloseGuard } from "../backend/shared/close-guard.ts";
export type { LedgerWatches, LedgerWatchSource } from "../backend/shared/ledger-watches.ts";
export { createLedgerWatches, notifiedKeys } from "../backend/shared/ledger-watches.ts";
export { guardedLedger } from "../backend/shared/guarded-ledger.ts";
export type { LeaseWaiter, LeaseWaiters } from "../backend/shared/lease-waiters.ts";
export { createLeaseWaiters } from "../backend/shared/lease-waiters.ts";
export type { RetainFinished, WholeNumberLimits } from "../backend/shared/option-checks.ts";
export { assertText, configInvalid, retentionOf, wholeNumber } from "../backend/shared/option-checks.ts";
export type { MessageLimits } from "../backend/shared/refusals.ts";
export {
  arrivalRefused,
  createLimitCheck,
  idConflict,
  keyTaken,
  leaseLost,
  tooLong,
} from "../backend/shared/refusals.ts";
export type { ServerUrlRules } from "../backend/shared/server-url.ts";
export { assertNoFragment, decodeUrlPart, parseServerUrl, shownUrl } from "../backend/shared/server-url.ts";
export type {
  UrlParameter,
  UrlParameterPlace,
  UrlParameterTable,
  UrlValues,
} from "../backend/shared/url-parameters.ts";
export {
  anyText,
  digits,
  ignored,
  matching,
  oneOf,
  pemFile,
  readUrlParameters,
  trueOrFalse,
} from "../backend/shared/url-parameters.ts";
