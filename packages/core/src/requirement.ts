import type { Capabilities } from "./capabilities.ts";
import { WaybillError } from "./errors.ts";

/** What a program may insist on, whichever URL or door it is given. */
export type Requirement =
  /** Jobs are leased by a worker of ours. */
  | "delivery:pull"
  /** Jobs are POSTed to us. */
  | "delivery:push"
  /** A job whose worker died runs again by itself, when its lease ends. */
  | "lease"
  /** A job may be enqueued for later. */
  | "delay"
  | "priority"
  /** Same priority and due time leave in the order they came. */
  | "ordering:fifo"
  /** The same id is stored once. */
  | "unique_ids"
  /** A stored job survives the end of every process. */
  | "durable";

/** What a worker on this backend can be relied on for. */
export function offersOf(has: Capabilities): Requirement[] {
  const offers: Requirement[] = ["delivery:pull", "lease"];
  if (has.maxDelayMs > 0 || has.maxRetryDelayMs > 0) offers.push("delay");
  if (has.priorityLevels > 1) offers.push("priority");
  if (has.ordering === "fifo") offers.push("ordering:fifo");
  if (has.uniqueIds) offers.push("unique_ids");
  if (has.durable) offers.push("durable");
  return offers;
}

/** Throws `CAPABILITY_MISSING` naming each requirement that `who` does not meet. */
export function insistOn(required: readonly Requirement[], offers: readonly Requirement[], who: string): void {
  const missing = required.filter((one) => !offers.includes(one));
  if (missing.length === 0) return;
  throw new WaybillError(
    "CAPABILITY_MISSING",
    `${who} does not offer ${missing.map((one) => `"${one}"`).join(", ")}; it offers ${offers.join(", ")}. ` +
      "Choose another backend or door, or take it out of `require`",
  );
}
