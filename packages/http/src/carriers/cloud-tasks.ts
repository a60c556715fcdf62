import { assertKnownOptions, type OptionNames } from "@waybill/core/backend";
import { type Duration, WaybillError } from "@waybill/core";
import { durationMs, type JobLabel } from "@waybill/core/door";
import type { Carrier } from "../carrier.ts";
import { producerSignature } from "../producer-signature.ts";
import { type PushAnswer, header, type HeaderFields, MOST_COUNTED, wholeHeader } from "../push.ts";
import { textOf } from "../text.ts";
import { bearerProof, type OidcOptions } from "./oidc.ts";

/** Whose tokens are let in, and how long Cloud Tasks waits. */
export interface CloudTasksOptions extends OidcOptions {
  /** The tasks' own `dispatchDeadline`, 15 s to 30 min: longer than this Cloud Tasks does not wait. Default "10m". */
  readonly dispatchDeadline?: Duration;
}

const OPTIONS: OptionNames<CloudTasksOptions> = {
  audience: true,
  serviceAccounts: true,
  jwks: true,
  dispatchDeadline: true,
};

/**
 * HTTP tasks of Google Cloud Tasks. The body is the envelope, and `oidcToken` says who sends it. Throws
 * `CONFIG_INVALID` for an option that makes no sense.
 */
export function cloudTasks(given: CloudTasksOptions): Carrier {
  assertKnownOptions(given, OPTIONS, "the options of cloudTasks");
  const { dispatchDeadline = "10m", ...oidc } = given;
  const prove = bearerProof(oidc, "cloudTasks");
  const patienceMs = durationMs(dispatchDeadline, "dispatchDeadline");
  if (patienceMs < 15_000 || patienceMs > 1_800_000) {
    throw new WaybillError("CONFIG_INVALID", `dispatchDeadline is ${patienceMs} ms: Cloud Tasks takes "15s" to "30m"`);
  }
  return {
    name: "cloudTasks",
    runs: true,
    line: 0,
    patienceMs,
    patienceSetting: "dispatchDeadline",
    paths: [],
    keepsDead: false,
    // Elsewhere they are the application's own tasks.
    recognises: ({ headers }, here) => here && Object.hasOwn(headers, "x-cloudtasks-queuename"),
    admits: ({ headers }) => prove(headers),
    open({ headers }, body) {
      return {
        body: textOf(body),
        attempt: Math.min((wholeHeader(headers, "x-cloudtasks-taskexecutioncount", 0) ?? 0) + 1, MOST_COUNTED),
        lost: 0,
        releases: 0,
        signature: producerSignature((name) => header(headers, name)),
        label: labelIn(headers),
        provenId: null,
        // The same task comes again with the same token, and ought to.
        once: null,
      };
    },
    reply,
  };
}

/** The task's name is not the job's id, but all there is to find a task by whose body is no envelope. */
function labelIn(headers: HeaderFields): JobLabel | null {
  const id = header(headers, "x-cloudtasks-taskname");
  const queue = header(headers, "x-cloudtasks-queuename");
  return id === null || queue === null ? null : { id, type: "", queue };
}

/**
 * Its count of executions leaves out what was answered 5xx, and its count of retries leaves out nothing. So a failed
 * attempt is told by a 4xx, and all that is no attempt by a 503: then executions are failed attempts, to the letter,
 * and a deploy spends none. By a 500 for each failure a job would be at its first attempt for ever.
 */
function reply(answer: PushAnswer): PushAnswer {
  switch (answer.headers["waybill-outcome"]) {
    case "retry":
      return { ...answer, status: ATTEMPT_FAILED };
    case "release":
      return { ...answer, status: 503 };
    default:
      return answer;
  }
}

/**
 * Failed Dependency: no 4xx of anybody else's here, so that it can be told in a log. Not 429, which slows the queue.
 */
const ATTEMPT_FAILED = 424;
