import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs, type JobLabel } from "@waybill/core/endpoint";
import type { Carrier } from "../push/carrier.ts";
import { producerSignature } from "../push/producer-signature.ts";
import type { PushResponse } from "../push/push-response.ts";
import { header, type HeaderFields, MAX_COUNT, wholeHeader } from "../push/push-request.ts";
import { textOf } from "../push/body-text.ts";
import { bearerProof, type OidcOptions } from "./oidc.ts";

/** Which tokens are accepted, and how long Cloud Tasks waits. */
export interface CloudTasksOptions extends OidcOptions {
  /** The `dispatchDeadline` of the tasks, 15 s to 30 min: how long Cloud Tasks waits for a response. Default "10m". */
  readonly dispatchDeadline?: Duration | undefined;
}

const OPTIONS: OptionNames<CloudTasksOptions> = {
  audience: true,
  serviceAccounts: true,
  jwks: true,
  dispatchDeadline: true,
};

/**
 * Returns the carrier for HTTP tasks of Google Cloud Tasks. The body is the envelope, and `oidcToken` authenticates the
 * sender. Throws `CONFIG_INVALID` for an option that does not exist or makes no sense.
 */
export function cloudTasks(given: CloudTasksOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of cloudTasks");
  const { dispatchDeadline = "10m", ...oidc } = given;
  const prove = bearerProof(oidc, "cloudTasks");
  const ackDeadlineMs = durationMs(dispatchDeadline, "dispatchDeadline");
  if (ackDeadlineMs < 15_000 || ackDeadlineMs > 1_800_000) {
    throw new WaybillError(
      "CONFIG_INVALID",
      `dispatchDeadline is ${ackDeadlineMs} ms: Cloud Tasks takes "15s" to "30m"`,
    );
  }
  return {
    name: "cloudTasks",
    waitsForJobs: true,
    maxWaiting: 0,
    ackDeadlineMs,
    ackDeadlineSetting: "dispatchDeadline",
    paths: [],
    keepsDeadLetters: false,
    // At other paths they are the application's own tasks.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "x-cloudtasks-queuename"),
    checkHeaders: ({ headers }) => prove(headers),
    authenticate({ headers }, body) {
      return {
        body: textOf(body),
        attempt: Math.min((wholeHeader(headers, "x-cloudtasks-taskexecutioncount", 0) ?? 0) + 1, MAX_COUNT),
        lost: 0,
        releases: 0,
        signature: producerSignature((name) => header(headers, name)),
        label: labelIn(headers),
        signedId: null,
        // A task that is delivered again has the same token, and must run.
        replayProtection: null,
      };
    },
    mapResponse,
  };
}

/** For a body that is no envelope: the task's name is not the job's id, but identifies the task in the log. */
function labelIn(headers: HeaderFields): JobLabel | null {
  const id = header(headers, "x-cloudtasks-taskname");
  const queue = header(headers, "x-cloudtasks-queuename");
  return id === null || queue === null ? null : { id, type: "", queue };
}

/**
 * Cloud Tasks does not count a 5xx as an execution. So a failed attempt is a 4xx and a release is a 503: the count of
 * executions is then the number of failed attempts, and a deploy spends none. With a 500 for each failure every delivery
 * would be attempt 1.
 */
function mapResponse(response: PushResponse): PushResponse {
  switch (response.headers["waybill-outcome"]) {
    case "retry":
      return { ...response, status: ATTEMPT_FAILED };
    case "release":
      return { ...response, status: 503 };
    default:
      return response;
  }
}

/** Failed Dependency: no other 4xx of an endpoint, so a log shows it is a failed attempt. Not 429, which slows the queue. */
const ATTEMPT_FAILED = 424;
