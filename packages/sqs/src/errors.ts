import { errorMessage, isWaybillError, WaybillError } from "@waybill/core";
import { member } from "@waybill/core/backend";

/** The error's own name, without the prefixes that older protocols put before it. */
export function codeOf(thrown: unknown): string {
  const code = [member(thrown, "Code"), member(thrown, "name")].find((one) => typeof one === "string") ?? "";
  const last = code.replace(/^.*#/, "").replace(/^AWS\.SimpleQueueService\./, "");
  return LEGACY[last] ?? last;
}

const LEGACY: Readonly<Record<string, string>> = {
  NonExistentQueue: "QueueDoesNotExist",
  QueueAlreadyExists: "QueueNameExists",
  AccessDeniedException: "AccessDenied",
  ThrottlingException: "RequestThrottled",
  Throttling: "RequestThrottled",
};

/** SQS knows the caller not, or not well enough. */
const REFUSED: ReadonlySet<string> = new Set([
  "AccessDenied",
  "InvalidClientTokenId",
  "UnrecognizedClientException",
  "SignatureDoesNotMatch",
  "InvalidSignatureException",
  "IncompleteSignature",
  "ExpiredToken",
  "ExpiredTokenException",
  "MissingAuthenticationToken",
  "InvalidSecurity",
  "CredentialsProviderError",
]);

/** The handle on a delivery is no longer good: the message was deleted, or became visible again. */
const LOST: ReadonlySet<string> = new Set([
  "ReceiptHandleIsInvalid",
  "InvalidIdFormat",
  "MessageNotInflight",
  "InvalidParameterValue",
]);

export const isMissingQueue = (thrown: unknown): boolean => codeOf(thrown) === "QueueDoesNotExist";

/**
 * What an error of a call means. While the backend opens, what can never work is CONFIG_INVALID; once it has worked,
 * the same finding is BACKEND_UNAVAILABLE, because a key or a policy may be put right.
 */
export function sqsError(thrown: unknown, what: string, during: "open" | "use" = "use"): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const code = codeOf(thrown);
  const options = { cause: thrown };
  const lasting = during === "open" ? "CONFIG_INVALID" : "BACKEND_UNAVAILABLE";
  const message = errorMessage(thrown);
  if (REFUSED.has(code)) {
    const text = `SQS refuses ${what} (${code}: ${message}); check the credentials and that the policy allows sqs:*Message*, sqs:GetQueueUrl and sqs:GetQueueAttributes`;
    return new WaybillError(lasting, text, options);
  }
  if (code === "QueueDoesNotExist") {
    return new WaybillError(lasting, `${what}: the queue is gone; make it again, or let waybill: create=true`, options);
  }
  if (code === "QueueDeletedRecently") {
    const text = `${what}: a queue of this name was deleted less than 60 seconds ago; SQS takes the name again after that`;
    return new WaybillError("BACKEND_UNAVAILABLE", text, options);
  }
  if (code === "OverLimit") {
    const text = `${what}: 120,000 messages of the queue are being worked on, which is the most; let some finish`;
    return new WaybillError("BACKEND_FULL", text, options);
  }
  return new WaybillError("BACKEND_UNAVAILABLE", `${what} failed at SQS: ${code}: ${message}`, options);
}

/** One entry of a batch that SQS did not carry out. */
export interface FailedEntry {
  readonly Id?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

/** Worth another try by itself: throttled, or a fault on the side of SQS. */
export const isTransient = (failed: FailedEntry): boolean =>
  failed.SenderFault !== true || codeOf(failed) === "RequestThrottled";

export function entryError(failed: FailedEntry, what: string, job: string): WaybillError {
  const code = codeOf(failed);
  if (what !== "SendMessageBatch" && LOST.has(code)) return leaseLost(job);
  const text = `${what} failed for job "${job}": ${code}: ${failed.Message ?? "no reason given"}`;
  if (isTransient(failed)) return new WaybillError("BACKEND_UNAVAILABLE", text);
  return new WaybillError("CAPABILITY_MISSING", text);
}

export const leaseLost = (job: string): WaybillError =>
  new WaybillError("LEASE_LOST", `the lease on job "${job}" is no longer ours: it ran out or was settled`);
