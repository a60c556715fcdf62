import type { Lease } from "../../backend/contract.ts";
import type { KeptKey } from "./delivered-keys.ts";

/** The token of a lease of a backend whose unique keys a ledger keeps. */
export interface KeyedToken {
  /** The lease of the backend itself. */
  readonly lease: Lease;
  /** The key that the end of the job frees; null for none. */
  kept: KeptKey | null;
  /** The mark that is being made that the job ends; null for none. */
  marking: Promise<void> | null;
  /** When that was made, in monotonic milliseconds; -Infinity for never. */
  markedAt: number;
}

export const tokenOf = ({ token }: Lease): KeyedToken => token as KeyedToken;
export const innerOf = (lease: Lease): Lease => tokenOf(lease).lease;

/** Returns the lease as core gets it. */
export function keyedLease(lease: Lease, kept: KeptKey | null): Lease {
  return { ...lease, token: { lease, kept, marking: null, markedAt: -Infinity } satisfies KeyedToken };
}
