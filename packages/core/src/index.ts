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
export type { Capabilities, Need, Verdict } from "./capabilities.ts";
export { judge } from "./capabilities.ts";
export type { WaybillErrorCode } from "./errors.ts";
export { Discard, EnvelopeError, isWaybillError, PayloadError, RetryLater, toError, WaybillError } from "./errors.ts";
export type { DeadLetter, DeadLetterQuery, InspectableBackend, Inspector, QueueCounts } from "./inspector.ts";
export { inspectorOf } from "./inspector.ts";
