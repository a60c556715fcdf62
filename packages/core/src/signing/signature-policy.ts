import type { Signature } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import { type KeyRing, keyRing } from "./key-ring.ts";

/**
 * How a job's signature is judged before the job runs. "off": not at all. "optional": a job whose signature does not
 * verify is dead-lettered with `SIGNATURE_INVALID`, an unsigned job runs. "required": an unsigned job is dead-lettered
 * as well.
 */
export type SignaturePolicy = "off" | "optional" | "required";

/** One policy for every queue, or one for each named queue; queues that are not named are "off". */
export type SignaturePolicies = SignaturePolicy | { readonly [queue: string]: SignaturePolicy };

export interface SignatureOptions {
  /** Absent: "off". */
  readonly signatures?: SignaturePolicies | undefined;
  /** The secrets of the producers; all verify. */
  readonly keys?: KeyRing | string | readonly string[] | undefined;
  /** The queues that jobs come from: a policy for another queue is refused. Omitted: any queue. */
  readonly queues?: readonly string[] | undefined;
}

/** Returns why a job must not run, as a sentence; null when it may run. `queue` is null where it is unknown. */
export type SignatureCheck = (
  job: { readonly id: string; readonly body: string; readonly signature: Signature | null },
  queue: string | null,
) => string | null;

const STRICTNESS: readonly SignaturePolicy[] = ["off", "optional", "required"];

/**
 * Returns the check of signatures, or null where every policy is off. Throws `CONFIG_INVALID` for a policy without
 * keys, and for a policy of a queue that is not in `queues`.
 */
export function signatureCheck({ signatures = "off", keys, queues }: SignatureOptions): SignatureCheck | null {
  const isOne = typeof signatures === "string";
  const policies = isOne ? [signatures] : Object.values(signatures);
  for (const policy of policies) {
    if (!STRICTNESS.includes(policy)) throw refuse(`signatures is "${policy}": one of ${STRICTNESS.join(", ")}`);
  }
  const stray = isOne ? undefined : Object.keys(signatures).find((queue) => queues && !queues.includes(queue));
  if (stray !== undefined)
    throw refuse(
      `signatures names the queue "${stray}", which this worker does not read; remove it or correct the name`,
    );
  const strictest = policies.reduce((one, other) => (stricter(other, one) ? other : one), "off");
  if (strictest === "off") return null;
  if (keys === undefined)
    throw refuse(
      `signatures is "${strictest}", and there are no keys to verify them with: give \`keys\`, "whsec_" secrets of the producers`,
    );
  const ring = keyRing(keys);

  function policyOf(queue: string | null): SignaturePolicy {
    if (isOne) return signatures;
    // A forger may have written the envelope's queue.
    if (queue === null) return strictest;
    return Object.hasOwn(signatures, queue) ? (signatures[queue] ?? "off") : "off";
  }
  return ({ id, body, signature }, queue) => {
    const policy = policyOf(queue);
    if (policy === "off") return null;
    if (signature === null) {
      return policy === "required" ? "the job is not signed, and its queue requires a signature" : null;
    }
    const { timestamp, value } = signature;
    // A foreign producer may have written any value into the store.
    const verifies = typeof value === "string" && ring.verify({ id, timestamp, body }, value);
    return verifies ? null : "none of the worker's keys made the job's signature";
  };
}

function stricter(one: SignaturePolicy, other: SignaturePolicy): boolean {
  return STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
