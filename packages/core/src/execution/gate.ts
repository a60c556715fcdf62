import type { Envelope } from "../envelope/index.ts";
import type { Delivery } from "../job/delivery.ts";
import type { Outcome } from "../job/outcome.ts";

/** Decides, after all checks of a delivery, whether its handler may be called now. */
export interface Gate {
  /** Returns null when the handler may be called, at once or as a promise; otherwise the release. Never rejects. */
  enter(envelope: Envelope, delivery: Delivery): Promise<Outcome | null> | null;
}
