export type {
  Admit,
  Answer,
  Backend,
  BackendContext,
  BackendFactory,
  DeadReason,
  Lease,
  LeaseRequest,
  Message,
  Receipt,
  RetryRequest,
  Signature,
} from "./backend.ts";
export type { AnyJobOptions } from "./any-job.ts";
export { anyJob } from "./any-job.ts";
export type { Capabilities, Need, Verdict } from "./capabilities.ts";
export { judge } from "./capabilities.ts";
export type { ConnectOptions, Jobs } from "./connect.ts";
export { connect } from "./connect.ts";
export type { Producer, ProducerOptions } from "./connect-producer.ts";
export { connectProducer } from "./connect-producer.ts";
export type { Handler, JobDefinition, JobOptions, PayloadOf, RetryOptions } from "./define-job.ts";
export { defineJob, handlerFor } from "./define-job.ts";
export type { BackendSetting, Doctor, ExaminableBackend, Finding, ServerVersion } from "./doctor.ts";
export { doctorOf } from "./doctor.ts";
export type { Duration } from "./duration.ts";
export { durationMs } from "./duration.ts";
export type { Envelope, EnvelopeRetry, JsonValue, RetryPolicy } from "./envelope/index.ts";
export { decodeBody, newId, parseEnvelope, serialiseEnvelope } from "./envelope/index.ts";
export type { WaybillErrorCode } from "./errors.ts";
export {
  Discard,
  EnvelopeError,
  isWaybillError,
  PayloadError,
  RanElsewhere,
  RetryLater,
  toError,
  WaybillError,
} from "./errors.ts";
export type {
  BootedEvent,
  EventName,
  JobLabel,
  LeaseLostEvent,
  Listener,
  OutcomeEvent,
  PushRefusedEvent,
  ReceiverUnavailableEvent,
  ShutdownReport,
  StartedEvent,
  WaybillEvents,
} from "./events.ts";
export { EventBus } from "./events.ts";
export type { Delivery } from "./execute.ts";
export { describeOutcome, execute } from "./execute.ts";
export { Execution } from "./execution.ts";
export type { DeadLetter, DeadLetterQuery, InspectableBackend, Inspector, QueueCounts } from "./inspector.ts";
export { inspectorOf } from "./inspector.ts";
export { currentJob, JobContext } from "./job-context.ts";
export type { LiveWorker, WorkerFacts } from "./live-worker.ts";
export type { Leak, LeakGuardOptions } from "./leak-guard.ts";
export { leakGuard } from "./leak-guard.ts";
export type { LogLine, LogOption, LogSink } from "./log.ts";
export { logTo } from "./log.ts";
export { maskUrl } from "./mask-url.ts";
export type { Middleware } from "./middleware.ts";
export type { Outcome } from "./outcome.ts";
export type { EnqueueItem, EnqueueOptions } from "./enqueue-options.ts";
export type { RegisteredJob, Registry, RegistryOptions } from "./registry.ts";
export { createRegistry } from "./registry.ts";
export type { Requirement } from "./requirement.ts";
export { insistOn, offersOf } from "./requirement.ts";
export type { Announced, Roster, RosterBackend } from "./roster.ts";
export { rosterOf } from "./roster.ts";
export type { Migration } from "./schemes.ts";
export { migrate } from "./schemes.ts";
export type { ServerVersions } from "./server-version.ts";
export type { Signed } from "./signing.ts";
export { KeyRing, keyRing, newSecret, signatureFor } from "./signing.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";
export type { TransactionalBackend } from "./transactional.ts";
export type { Upcasters } from "./upcast.ts";
export type { Worker } from "./worker.ts";
export type { WorkerHealth, WorkerState } from "./worker-health.ts";
export type { ShutdownLimits, WorkerOptions } from "./worker-options.ts";
