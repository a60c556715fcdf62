export type { Result, DeadReason, Receipt, Signature } from "./backend/contract.ts";
export type { Jobs } from "./connect/connect.ts";
export type { ConnectOptions } from "./connect/connect-options.ts";
export { connect } from "./connect/connect.ts";
export type { JobReceipt, Producer } from "./producer/producer.ts";
export { connectProducer } from "./connect/connect-producer.ts";
export type { Handler, JobDefinition, JobOptions, PayloadOf, ResultJobOptions } from "./job/job-definition.ts";
export { defineJob, handlerFor } from "./job/define-job.ts";
export type { CancelReport, Control, RescheduleReport } from "./features/control/control-api.ts";
export type { RecordState } from "./backend/record-store.ts";
export type {
  AttemptOutcome,
  AttemptRecord,
  JobRecord,
  LogRecord,
  ProgressRecord,
} from "./features/records/job-record.ts";
export type { RecordOptions } from "./features/records/record-options.ts";
export type { RecordQuery } from "./features/records/record-query.ts";
export type { FoundRecords, Records, Watch, WatchOptions } from "./features/records/records-api.ts";
export type { Pause, PauseTarget } from "./features/control/control-records.ts";
export type { JobFilter } from "./features/control/judged-query.ts";
export type { JobPage, JobState, StoredJob } from "./backend/job-control.ts";
export type { Doctor, Finding } from "./backend/doctor.ts";
export type { Duration } from "./time/duration.ts";
export type { EnqueueCounts, EnqueueListener } from "./producer/enqueue-many.ts";
export type { EnqueueItem, EnqueueOptions } from "./producer/enqueue-options.ts";
export type { ConcurrencyLimit, JobLimit, RateLimit } from "./job/limit-options.ts";
export type { ErrorRecord } from "./values/error-record.ts";
export type { ErrorRule } from "./job/error-rules.ts";
export type { ErrorMatch } from "./job/error-match.ts";
export type { Envelope, IdParts, JsonValue } from "./envelope/index.ts";
export { derivedId, newId } from "./envelope/index.ts";
export type { WaybillErrorCode } from "./errors.ts";
export {
  DuplicateJobError,
  EnqueueUnknownError,
  EnvelopeError,
  isWaybillError,
  JobDeadError,
  NotReplicatedError,
  PayloadError,
  WaybillError,
} from "./errors.ts";
export type {
  EventName,
  Listener,
  OutcomeEvent,
  ShutdownReport,
  StartedEvent,
  WaybillEvents,
} from "./observability/events.ts";
export type { TickEvent } from "./observability/tick-event.ts";
export { EventBus } from "./observability/events.ts";
export { DeadLetter, Discard, RetryLater } from "./job/handler-errors.ts";
export type {
  BatchEnd,
  BatchItem,
  Flow,
  FlowApi,
  FlowCalls,
  FlowOptions,
  FlowPage,
  FlowState,
  FlowSummary,
  StoredFlow,
  StoredFlowMember,
} from "./features/flows/flow-api.ts";
export type {
  FlowMember,
  FlowMemberOptions,
  FlowMemberState,
  FlowOfJob,
  FlowOnDead,
  FlowOrder,
  FlowResult,
  FlowWhen,
} from "./job/flow-types.ts";
export type { JobReference } from "./job/job-reference.ts";
export type { ResultCalls, ResultOptions } from "./features/results/result-calls.ts";
export type { DeadLetterRecord, DeadLetterQuery, Inspector, QueueCounts } from "./backend/inspector.ts";
export { currentJob, JobContext } from "./job/job-context.ts";
export type { Leak, LeakGuardOptions } from "./execution/leak-guard.ts";
export { leakGuard } from "./execution/leak-guard.ts";
export type { LiveWorker } from "./backend/live-worker.ts";
export type { ReturnedJob, WorkerJob } from "./backend/worker-details.ts";
export type { Audit, AuditGap, AuditGapKind, AuditQuery, AuditQueue } from "./features/audit/audit-api.ts";
export type { History, HistoryPoint, HistoryQuery } from "./features/history/history-api.ts";
export type { SlotJob, Why, WhyCode, WhyFacts, WhyReason } from "./features/why/why-api.ts";
export type { QueueWithoutWorker } from "./backend/queues-without-worker.ts";
export type { OnceOptions, OnceResult } from "./job/once-options.ts";
export type { LogOption } from "./observability/log.ts";
export type { LogLine } from "./observability/log-text.ts";
export type { Middleware } from "./job/middleware.ts";
export type { Outcome } from "./job/outcome.ts";
export type { ProducerOptions } from "./producer/producer-options.ts";
export type { Requirement } from "./backend/requirements.ts";
export type { Migration } from "./connect/backend-package.ts";
export { migrate } from "./connect/schemes.ts";
export type { RetryOptions } from "./job/retry-options.ts";
export type { KeyParts, UniqueCall, UniqueOptions, UniqueRule } from "./job/unique-options.ts";
export type { ServerRanges } from "./backend/server-version.ts";
export type { SignaturePolicies, SignaturePolicy } from "./signing/signature-policy.ts";
export { KeyRing, keyRing, newSecret, requestSecret } from "./signing/key-ring.ts";
export type {
  LastRun,
  Missed,
  Overlap,
  Schedule,
  ScheduleCalls,
  StoredSchedule,
  ScheduleOptions,
  Timing,
} from "./features/schedules/index.ts";
export { defineSchedule } from "./features/schedules/index.ts";
export type { StandardSchema } from "./job/standard-schema.ts";
export type { Telemetry } from "./observability/telemetry.ts";
export { errorMessage, describeError, toError } from "./values/thrown.ts";
export type { Upcasters } from "./job/upcast.ts";
export type { Worker } from "./worker/worker.ts";
export type { WorkerHealth, WorkerState } from "./worker/worker-health.ts";
export type { LimitInUse, LimitsInUse } from "./features/limits/limits-in-use-api.ts";
export type { QueueOptions } from "./features/limits/queue-options.ts";
export type { ShutdownLimits, WorkerOptions } from "./worker/worker-options.ts";
