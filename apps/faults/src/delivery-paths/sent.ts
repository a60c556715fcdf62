import { newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { sendOverHttp } from "@waybill/http";
import { finish } from "../gates.ts";
import type { Arrival, Disturbance, Ended, OpenPath } from "./delivery-path.ts";
import { pulled } from "./pulled.ts";
import { type Application, application } from "./pushed.ts";

/** The parts of `waybill push`: a backend, a worker that sends, a receiver in an application. */
export async function sent(): Promise<OpenPath> {
  const keys = newSecret();
  const open = await application({ keys });
  const sender = ({ to, recorder, receiver }: Application): Promise<OpenPath> => {
    const stop = (): Promise<unknown> => receiver.stop({ drain: 0, abort: "1s" });
    const jobs = [sendOverHttp({ to, keys })];
    return pulled({ factory: memoryBackend(), jobs, elsewhere: { recorder, stop } });
  };
  const path = await sender(open);

  /** A store has a job once, so the two deliveries come from two stores. */
  async function twice(at: Application, arrival: Arrival): Promise<Ended> {
    const senders = [await sender(at), await sender(at)];
    const both = Promise.all(senders.map((one) => one.deliver(arrival)));
    await at.arrived(2);
    finish(arrival.label.id);
    const [first, second] = await both;
    for (const one of senders) await one.close();
    if (first?.reported !== second?.reported) throw new Error("the two senders received different outcomes");
    return { steps: at.recorder.stepsOf(arrival.label.id), reported: first?.reported ?? null };
  }

  async function disturbed(at: Application, disturbance: Disturbance, arrival: Arrival): Promise<Ended> {
    if (disturbance === "twice") return twice(at, arrival);
    const own = await sender(at);
    const ended = await own.disturb(disturbance, arrival);
    await own.close();
    return ended;
  }

  return {
    deliver: path.deliver,
    async disturb(disturbance, arrival) {
      const at = await application({ keys });
      const ended = await disturbed(at, disturbance, arrival);
      await at.close();
      return ended;
    },
    async close() {
      await path.close();
      await open.close();
    },
  };
}
