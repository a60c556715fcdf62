import type { EventBus } from "@waybill/core";
import { createReceiver, type Receiver } from "@waybill/http";
import { sendReceipt } from "@/jobs";
import { jobs } from "@/waybill";

let receiver: Receiver | undefined;

export async function POST(request: Request): Promise<Response> {
  const { events } = await jobs();
  // Not before the first request: `next build` loads this file, perhaps without the keys.
  receiver ??= open(events);
  return receiver(request);
}

/** With the events of the connection, the charts of the dashboard include jobs that were pushed. */
function open(events: EventBus): Receiver {
  const opened = createReceiver({ jobs: [sendReceipt], keys: process.env.WAYBILL_KEYS, events });
  // Next waits for the responses of running jobs itself; no new job may start meanwhile.
  process.once("SIGTERM", () => void opened.stop({ reason: "SIGTERM" }));
  return opened;
}
