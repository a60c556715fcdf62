/** What a door needs: whatever takes a job from elsewhere, runs it by `execute` and tells its outcome, or hands it on. */
export type { AnyJobOptions } from "../any-job.ts";
export { anyJob } from "../any-job.ts";
export { durationMs, timerMs } from "../duration.ts";
export { parseEnvelope, serialiseEnvelope } from "../envelope/index.ts";
export type { JobLabel } from "../events.ts";
export type { Delivery } from "../execute.ts";
export { describeOutcome, execute } from "../execute.ts";
export { Execution } from "../execution.ts";
export { RanElsewhere } from "../handler-errors.ts";
export { logTo } from "../log.ts";
export type { Registry, RegistryOptions } from "../registry.ts";
export { createRegistry } from "../registry.ts";
export { insistOn, offersOf } from "../requirement.ts";
export type { SignedWrapper } from "../signed-wrapper.ts";
export { readSignedWrapper, signedWrapper } from "../signed-wrapper.ts";
export type { Signed } from "../signing.ts";
export { signatureFor } from "../signing.ts";
