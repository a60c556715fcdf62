import type { BackendFactory } from "../backend/contract.ts";
import { WaybillError } from "../errors.ts";
import { describeValue } from "../known-options.ts";
import type { ProducerOptions } from "../producer/producer-options.ts";
import { maskUrl } from "../values/mask-url.ts";
import { splitLedgerUrl } from "./ledger-url.ts";
import { type BorrowedLedger, borrowLedger, type Borrowing } from "./open-ledger.ts";
import { factoryFor } from "./schemes.ts";

/** The backend of a connection, and the ledger that it borrows. */
export interface SplitTarget {
  readonly url: string | BackendFactory;
  /** Undefined: it borrows none. */
  readonly ledger: unknown;
}

/** Separates the ledger from the backend's URL, where it is named there. Throws `CONFIG_INVALID` when it is named twice. */
export function splitTarget(target: string | BackendFactory, { ledger }: Pick<ProducerOptions, "ledger">): SplitTarget {
  if (typeof target !== "string") return { url: target, ledger };
  const split = splitLedgerUrl(target);
  if (ledger !== undefined && split.ledger !== null) {
    throw new WaybillError("CONFIG_INVALID", "the ledger is given in the URL and in the options; give it once");
  }
  return { url: split.url, ledger: ledger ?? split.ledger ?? undefined };
}

/** Starts to open the ledger. Returns null for undefined. Rejects `CONFIG_INVALID` for a target that is no URL of a backend. */
export async function openLedger(
  target: unknown,
  { allowVolatile }: Pick<ProducerOptions, "allowVolatile">,
  borrowing: Omit<Borrowing, "factory" | "address">,
): Promise<BorrowedLedger | null> {
  if (target === undefined) return null;
  if (typeof target !== "string" && typeof target !== "function") {
    const write = 'a URL such as "postgres://db.internal/app", or a factory from a backend package';
    throw new WaybillError("CONFIG_INVALID", `ledger of the connection is ${describeValue(target)}: give ${write}`);
  }
  const factory =
    typeof target === "string" ? await factoryFor(target, allowVolatile === true) : (target as BackendFactory);
  const address = typeof target === "string" ? maskUrl(target.trim()) : "the factory that was given";
  return borrowLedger({ ...borrowing, factory, address });
}
