import { EventBus, WaybillError } from "@waybill/core";
import { createRegistry, execute, Execution } from "@waybill/core/door";
import { finish } from "../gates.ts";
import { jobs } from "../situations.ts";
import type { Arrival, Disturbance, Ended } from "./door.ts";
import { Recorder } from "./recorder.ts";

/** No door at all: what every door is compared with. */
export async function inline(arrival: Arrival, disturbance: Disturbance | null = null): Promise<Ended> {
  const { body, attempt = 1, lost = 0, label } = arrival;
  const events = new EventBus();
  const recorder = new Recorder(events);
  const execution = new Execution();
  const delivery = {
    body,
    attempt,
    lost,
    releases: 0,
    dueAt: null,
    signature: null,
    label,
    worker: "inline",
    execution,
  };
  const running = execute(delivery, createRegistry(jobs, { events }));
  switch (disturbance) {
    case null:
      break;
    case "taken":
      execution.cancel(new WaybillError("LEASE_LOST", "somebody else has it"), 0);
      break;
    case "shutdown":
      execution.cancel(new WaybillError("SHUTDOWN", "the process ends"), 1_000);
      break;
    case "twice":
      finish(label.id);
      break;
  }
  const { kind } = await running;
  return { steps: recorder.stepsOf(label.id), told: kind };
}
