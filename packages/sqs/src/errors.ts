import { errorMessage, isWaybillError, WaybillError } from "@waybill/core";
import { configInvalid, leaseLost, member, tlsFault, type TlsRemedies } from "@waybill/core/backend";

/** Returns the error's code without the prefixes of older protocols, and with a new name for an old one. */
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

/** SQS does not know the caller, or does not allow the call. */
const REFUSED =
  /^(AccessDenied|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidSignatureException|IncompleteSignature|ExpiredToken|ExpiredTokenException|MissingAuthenticationToken|InvalidSecurity|CredentialsProviderError)$/;

/** The receipt handle is no longer valid: the message was deleted, or became visible again. */
const LOST = /^(ReceiptHandleIsInvalid|InvalidIdFormat|MessageNotInflight|InvalidParameterValue)$/;

export const isMissingQueue = (thrown: unknown): boolean => codeOf(thrown) === "QueueDoesNotExist";

const TLS: TlsRemedies = {
  authority: "?ca_bundle=/path/to/ca.pem",
  client: "?client_cert=/path/to/client.pem&client_key=/path/to/client.key",
  encrypted: "begin the endpoint with https://",
  plain: "begin the endpoint with http://",
};

/**
 * Returns the error of a failed call. While the backend opens, what needs a change by the user is CONFIG_INVALID; later it
 * is BACKEND_UNAVAILABLE, because credentials or a policy may be corrected while the program runs.
 */
export function sqsError(thrown: unknown, what: string, during: "open" | "use" = "use"): WaybillError {
  if (isWaybillError(thrown)) return thrown;
  const code = codeOf(thrown);
  const message = errorMessage(thrown);
  const unavailable = (text: string): WaybillError => new WaybillError("BACKEND_UNAVAILABLE", text, { cause: thrown });
  const byUser = (text: string): WaybillError => (during === "open" ? configInvalid(text, thrown) : unavailable(text));
  const fault = tlsFault(thrown, TLS);
  if (fault !== null) return byUser(`${what} failed: ${fault}`);
  const page = pageInstead(thrown);
  if (page !== null) return (page.lasts ? byUser : unavailable)(`${what} failed: ${page.text}`);
  if (REFUSED.test(code)) {
    const remedy =
      "check the credentials, and that the policy allows sqs:*Message*, sqs:GetQueueUrl and sqs:GetQueueAttributes";
    return byUser(`SQS refuses ${what} (${code}: ${message}); ${remedy}`);
  }
  switch (code) {
    case "QueueDoesNotExist":
      return byUser(`${what}: the queue does not exist any more; create it again, or set create=true`);
    case "QueueDeletedRecently":
      return unavailable(
        `${what}: a queue of this name was deleted less than 60 seconds ago; SQS accepts the name after that`,
      );
    case "OverLimit": {
      const text = `${what}: the queue has 120,000 messages in flight, which is the limit of SQS; let some finish`;
      return new WaybillError("BACKEND_FULL", text, { cause: thrown });
    }
    default:
      return unavailable(`${what} failed at SQS: ${code}: ${message}`);
  }
}

/**
 * Returns what a web server responded with instead of SQS, and what to do; null for another error. The SDK says only that the
 * response is no JSON.
 */
function pageInstead(thrown: unknown): { readonly text: string; readonly lasts: boolean } | null {
  const response = member(thrown, "$response");
  if (member(thrown, "name") !== "SyntaxError" || response === undefined) return null;
  const [status, type] = [member(response, "statusCode"), member(member(response, "headers"), "content-type")];
  const text = `a web server that is not SQS responded with HTTP ${String(status)} (${String(type)})`;
  const remedy = `correct the endpoint. If that server takes TLS alone, ${TLS.encrypted}. If it asks for a client certificate, name one that it accepts: ${TLS.client}`;
  return status === 400
    ? { text: `${text}; ${remedy}`, lasts: true }
    : { text: `${text}; correct the endpoint, or look at the server there`, lasts: false };
}

/** An entry of a batch that failed. */
export interface FailedEntry {
  readonly Id?: string | undefined;
  readonly Code?: string | undefined;
  readonly Message?: string | undefined;
  readonly SenderFault?: boolean | undefined;
}

/** Whether a repetition may succeed: SQS throttled the entry, or failed itself. */
export const isTransient = (failed: FailedEntry): boolean =>
  failed.SenderFault !== true || codeOf(failed) === "RequestThrottled";

export function entryError(failed: FailedEntry, action: string, job: string): WaybillError {
  const code = codeOf(failed);
  if (action !== "SendMessageBatch" && LOST.test(code)) return leaseLost(job);
  const text = `${action} failed for job "${job}": ${code}: ${failed.Message ?? "no reason given"}`;
  return new WaybillError(isTransient(failed) ? "BACKEND_UNAVAILABLE" : "CAPABILITY_MISSING", text);
}
