import { describeValue, unknownName } from "../known-options.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Backend } from "./contract.ts";
import { isTransactional } from "./transactional.ts";
import { WaybillError } from "../errors.ts";

/** What a program may require of a connection or an endpoint. */
export type Requirement =
  /** Jobs are leased by a worker. */
  | "delivery:pull"
  /** Jobs are pushed over HTTP to an endpoint. */
  | "delivery:push"
  /** A job whose worker died runs again once its lease has ended. */
  | "lease"
  /** A job may be enqueued for later. */
  | "delay"
  | "priority"
  /** Jobs of the same priority and due time are delivered in the order of their enqueue. */
  | "ordering:fifo"
  /** The same id is stored once. */
  | "unique_ids"
  /** A stored job survives the end of every process and a restart of the machine. */
  | "durable"
  /** `enqueueIn` and `job.completeIn` take part in a transaction of the program. */
  | "transactions";

const REQUIREMENTS: { readonly [Name in Requirement]: true } = {
  "delivery:pull": true,
  "delivery:push": true,
  lease: true,
  delay: true,
  priority: true,
  "ordering:fifo": true,
  unique_ids: true,
  durable: true,
  transactions: true,
};

/** Returns the requirements that a worker on this backend meets. `hasTransactions`: the backend takes part in transactions of the program. */
export function offersOf(has: Capabilities, hasTransactions = false): Requirement[] {
  const offers: Requirement[] = ["delivery:pull", "lease"];
  if (has.maxDelayMs > 0 || has.maxRetryDelayMs > 0) offers.push("delay");
  if (has.priorityLevels > 1) offers.push("priority");
  if (has.ordering === "fifo") offers.push("ordering:fifo");
  if (has.uniqueIds) offers.push("unique_ids");
  if (has.durable) offers.push("durable");
  if (hasTransactions) offers.push("transactions");
  return offers;
}

/** Returns the requirements that a worker on this backend meets. */
export function offersOfBackend(backend: Backend): Requirement[] {
  return offersOf(backend.capabilities, isTransactional(backend));
}

/** Throws `CAPABILITY_MISSING` naming each requirement that `who` does not meet, `CONFIG_INVALID` for one that does not exist. */
export function assertRequirements(
  required: readonly Requirement[],
  offers: readonly Requirement[],
  who: string,
): void {
  if (!Array.isArray(required)) {
    throw new WaybillError("CONFIG_INVALID", `require is ${describeValue(required)}: give a list, such as ["lease"]`);
  }
  for (const one of required as readonly unknown[]) {
    if (typeof one === "string" && Object.hasOwn(REQUIREMENTS, one)) continue;
    const known = Object.keys(REQUIREMENTS);
    const suggestion = unknownName(typeof one === "string" ? one : "", known);
    throw new WaybillError(
      "CONFIG_INVALID",
      `\`require\` names an unknown requirement, ${describeValue(one)}; ${suggestion}`,
    );
  }
  const missing = required.filter((one) => !offers.includes(one));
  if (missing.length === 0) return;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${who} does not offer ${missing.map((one) => `"${one}"`).join(", ")}; it offers ${offers.join(", ")}. ` +
      "Choose another backend or endpoint, or remove it from `require`",
  );
}
