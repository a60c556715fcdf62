import type { Signature } from "./backend.ts";
import { WaybillError } from "./errors.ts";
import { type KeyRing, keyRing } from "./signing.ts";

/**
 * What a job's signature decides before it runs. "off": nothing. "optional": one that does not verify is dead-lettered
 * `SIGNATURE_INVALID`, an unsigned job runs. "required": an unsigned job is dead-lettered so, too.
 */
export type SignaturePolicy = "off" | "optional" | "required";

/** One policy for every queue, or one for each queue named; those not named are "off". */
export type SignaturePolicies = SignaturePolicy | { readonly [queue: string]: SignaturePolicy };

export interface SignatureOptions {
  /** Absent: "off". */
  readonly signatures?: SignaturePolicies | undefined;
  /** Those of the producers; all verify. */
  readonly keys?: KeyRing | string | readonly string[] | undefined;
  /** Where the jobs come from: a policy for another queue is refused. Absent: from any. */
  readonly queues?: readonly string[] | undefined;
}

/** Why a job must not run: a sentence; null when it may. `queue` is null where the door does not know it. */
export type SignatureCheck = (
  job: { readonly id: string; readonly body: string; readonly signature: Signature | null },
  queue: string | null,
) => string | null;

const STRICTNESS: readonly SignaturePolicy[] = ["off", "optional", "required"];

/** Null where no queue looks at signatures. Throws `CONFIG_INVALID` for a policy without keys, or for nobody's queue. */
export function signatureCheck({ signatures = "off", keys, queues }: SignatureOptions): SignatureCheck | null {
  const isOne = typeof signatures === "string";
  const policies = isOne ? [signatures] : Object.values(signatures);
  for (const policy of policies) {
    if (!STRICTNESS.includes(policy)) throw refuse(`signatures is "${policy}": one of ${STRICTNESS.join(", ")}`);
  }
  const stray = isOne ? undefined : Object.keys(signatures).find((queue) => queues && !queues.includes(queue));
  if (stray !== undefined) throw refuse(`signatures names the queue "${stray}", whose jobs do not come here`);
  const strictest = policies.reduce((one, other) => (stricter(other, one) ? other : one), "off");
  if (strictest === "off") return null;
  if (keys === undefined) throw refuse(`signatures is "${strictest}", and there are no keys to verify them with`);
  const ring = keyRing(keys);

  function policyOf(queue: string | null): SignaturePolicy {
    if (isOne) return signatures;
    // What the envelope says of its queue, a forger wrote.
    if (queue === null) return strictest;
    return Object.hasOwn(signatures, queue) ? (signatures[queue] ?? "off") : "off";
  }
  return ({ id, body, signature }, queue) => {
    const policy = policyOf(queue);
    if (policy === "off") return null;
    if (signature === null) {
      return policy === "required" ? "the job is not signed, and its queue takes signed ones alone" : null;
    }
    const { timestamp, value } = signature;
    // A store keeps what foreign producers wrote into it, whatever it is.
    const verifies = typeof value === "string" && ring.verify({ id, timestamp, body }, value);
    return verifies ? null : "no key of ours made the job's signature";
  };
}

function stricter(one: SignaturePolicy, other: SignaturePolicy): boolean {
  return STRICTNESS.indexOf(one) > STRICTNESS.indexOf(other);
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
