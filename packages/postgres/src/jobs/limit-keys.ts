import { hash } from "node:crypto";
import type { LeaseRequest } from "@waybill/core/backend";

/** A B-tree takes keys of up to 2,704 bytes. The two parts of ours stay far below together. */
const LONGEST_BYTES = 1_000;

/** Returns the name of a limit as it is stored: without a "/", which ends it. */
const limitNameOf = (name: string): string => {
  // A lone half of a surrogate pair, which has no UTF-8, becomes U+FFFD.
  const text = encodeURIComponent(Buffer.from(name).toString());
  return text.length <= LONGEST_BYTES ? text : `sha256:${hash("sha256", name, "hex")}`;
};

/** Returns the concurrency keys of a job as they are stored, "name/key", sorted. */
export function limitKeysOf(limitKeys: Readonly<Record<string, string>>): string[] {
  return Object.entries(limitKeys)
    .map(([name, key]) => {
      const text = Buffer.byteLength(key) <= LONGEST_BYTES ? key : `sha256:${hash("sha256", key, "hex")}`;
      return `${limitNameOf(name)}/${text}`;
    })
    .sort();
}

/** The largest number that the server takes. */
const MOST = 2 ** 31 - 1;

/** The limits of a `lease` call as `lease_limited()` takes them. */
export interface AskedLimits {
  readonly names: readonly string[];
  readonly numbers: readonly number[];
  readonly queueMost: string | null;
  readonly withoutTypes: readonly string[];
}

/** Returns the limits of a call; null for a call that leases any job. */
export function askedLimitsOf({
  concurrency = {},
  queueConcurrency = Infinity,
  excludeTypes = [],
}: Pick<LeaseRequest, "concurrency" | "queueConcurrency" | "excludeTypes">): AskedLimits | null {
  const limits = Object.entries(concurrency).filter(([, number]) => number < MOST);
  const isAny = limits.length === 0 && queueConcurrency >= MOST && excludeTypes.length === 0;
  if (isAny) return null;
  return {
    names: limits.map(([name]) => limitNameOf(name)),
    numbers: limits.map(([, number]) => number),
    queueMost: queueConcurrency < MOST ? String(queueConcurrency) : null,
    withoutTypes: excludeTypes,
  };
}
