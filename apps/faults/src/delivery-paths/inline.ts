import { EventBus, WaybillError } from "@waybill/core";
import { createHandlerRegistry, execute, RunHandle } from "@waybill/core/endpoint";
import { finish } from "../gates.ts";
import { jobs } from "../situations.ts";
import type { Arrival, Disturbance, Ended } from "./delivery-path.ts";
import { Recorder } from "./recorder.ts";

/** Calls `execute` directly. Every delivery path is compared with this. */
export async function inline(arrival: Arrival, disturbance: Disturbance | null = null): Promise<Ended> {
  const { body, attempt = 1, lost = 0, label } = arrival;
  const events = new EventBus();
  const recorder = new Recorder(events);
  const handle = new RunHandle();
  const delivery = {
    body,
    attempt,
    lost,
    releases: 0,
    dueAt: null,
    signature: null,
    label,
    worker: "inline",
    handle,
  };
  const running = execute(delivery, createHandlerRegistry(jobs, { events }));
  switch (disturbance) {
    case null:
      break;
    case "taken":
      handle.cancel(new WaybillError("LEASE_LOST", "another worker has the job"), 0);
      break;
    case "shutdown":
      handle.cancel(new WaybillError("SHUTDOWN", "the process ends"), 1_000);
      break;
    case "twice":
      finish(label.id);
      break;
  }
  const { kind } = await running;
  return { steps: recorder.stepsOf(label.id), reported: kind };
}
