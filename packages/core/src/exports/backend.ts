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
} from "../backend.ts";
export type { Capabilities, Need, Verdict } from "../capabilities.ts";
export { judge } from "../capabilities.ts";
export { notStored } from "../certainty.ts";
export type { BackendSetting, ExaminableBackend, ServerVersion } from "../doctor.ts";
export { doctorOf } from "../doctor.ts";
export { decodeBody } from "../envelope/index.ts";
export { countOf, isQueueName, momentOf, numberOf, textOf } from "../foreign.ts";
export type { InspectableBackend } from "../inspector.ts";
export { inspectorOf } from "../inspector.ts";
export type { OptionNames } from "../known-options.ts";
export { assertKnownOptions } from "../known-options.ts";
export { maskUrl } from "../mask-url.ts";
export type { Announced, Roster, RosterBackend } from "../roster.ts";
export { rosterOf } from "../roster.ts";
export { errorCode, isInstance, member } from "../thrown.ts";
export type { TransactionalBackend } from "../transactional.ts";
