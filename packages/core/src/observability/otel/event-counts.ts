import type { Attributes } from "@opentelemetry/api";
import type { EventBus } from "../events.ts";
import { OTHER } from "../metrics/label-values.ts";
import type { Instruments } from "./instruments.ts";

/** Counts the events that belong to no delivery. Those of a delivery are among the outcomes, by their reason. */
export function countEvents(events: EventBus, instruments: () => Instruments): void {
  const labelsOf = ({ queue, type }: { readonly queue: string; readonly type: string }): Attributes => ({
    "messaging.destination.name": queue,
    "waybill.job.type": events.types.has(type) ? type : OTHER,
  });
  events.on("enqueue_failed", (event) => instruments().failed.add(1, { ...labelsOf(event), "error.type": event.code }));
  events.on("cancelled", (event) => instruments().cancelled.add(1, labelsOf(event)));
  events.on("duplicate", (event) =>
    instruments().duplicates.add(1, { ...labelsOf(event), "waybill.result": event.result }),
  );
  events.on("tick", ({ schedule, result }) =>
    instruments().ticks.add(1, { "waybill.schedule": schedule, "waybill.result": result }),
  );
}
