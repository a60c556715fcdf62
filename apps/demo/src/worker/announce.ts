import type { EventBus } from "@waybill/core";
import type { Spool } from "./spool.ts";

/** Appends each event to the spool, before the next step of its job. */
export function announce(from: EventBus, to: Spool): void {
  from.on("enqueued", ({ at, id, type, queue }) => to.append({ at, event: "enqueued", id, type, queue }));
  from.on("started", ({ at, id, type, queue, attempt, lost }) =>
    to.append({ at, event: "started", id, type, queue, attempt, lost }),
  );
  from.on("settled", ({ at, id, type, queue, attempt, lost, outcome, durationMs, delayMs, reason }) =>
    to.append({ at, event: "settled", id, type, queue, attempt, lost, outcome, durationMs, delayMs, reason }),
  );
  from.on("lease_lost", ({ at, id, type, queue, attempt }) =>
    to.append({ at, event: "lease_lost", id, type, queue, attempt }),
  );
}
