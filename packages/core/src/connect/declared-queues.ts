import type { Ledger } from "../backend/ledger.ts";
import { createKnownQueues } from "../features/queues/known-queues.ts";
import type { EventBus } from "../observability/events.ts";

/**
 * Declares queues in the ledger, and adds each that is used where `events` is given: a backend with a ledger of its own lists
 * its queues itself. Returns a function that ends both.
 */
export function declaredQueues(ledger: Ledger, queues: readonly string[] = [], events: EventBus | null): () => void {
  if (queues.length === 0 && events === null) return () => undefined;
  const known = createKnownQueues(ledger);
  events?.on("enqueued", ({ queue }) => known.used(queue));
  return queues.length === 0 ? () => undefined : known.declare(queues);
}
