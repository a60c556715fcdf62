import type { Capabilities } from "../backend/capabilities.ts";
import { assertSupported } from "../backend/needs.ts";
import { defaults } from "../envelope/index.ts";
import type { JobDefinition } from "./job-definition.ts";
import { verdictsOf } from "./error-verdicts.ts";
import { policyOf } from "./retry-policy.ts";

/** Throws `CAPABILITY_MISSING` when a definition asks for a wait between attempts, a timeout or unique keys that the backend refuses. */
export function assertAllSupported(job: JobDefinition, has: Capabilities): void {
  const policy = policyOf(job.retry);
  const waits = verdictsOf(job.errors, job.type).map(({ delayMs }) => delayMs ?? 0);
  const delayMs = Math.max(...waits, policy.maxAttempts > 1 ? policy.maxMs : 0);
  if (delayMs > 0) assertSupported({ kind: "retryDelay", delayMs }, has, `job "${job.type}" waits between attempts`);
  const timeoutMs = job.timeoutMs ?? defaults.timeoutMs;
  if (job.unique) assertSupported({ kind: "dedupe" }, has, `job "${job.type}" is unique`);
  assertSupported({ kind: "timeout", timeoutMs }, has, `job "${job.type}" may run that long`);
}
