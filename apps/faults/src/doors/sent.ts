import { newSecret } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { sendOverHttp } from "@waybill/http";
import { finish } from "../gates.ts";
import type { Arrival, Disturbance, Ended, OpenDoor } from "./door.ts";
import { pulled } from "./pulled.ts";
import { type Application, application } from "./pushed.ts";

/** The whole way of `waybill push`: a backend, a worker that sends, a receiver in an application. */
export async function sent(): Promise<OpenDoor> {
  const keys = newSecret();
  const open = await application({ keys });
  const sender = ({ to, recorder, receiver }: Application): Promise<OpenDoor> => {
    const stop = (): Promise<unknown> => receiver.stop({ drain: 0, abort: "1s" });
    const jobs = [sendOverHttp({ to, keys })];
    return pulled({ factory: memoryBackend(), jobs, elsewhere: { recorder, stop } });
  };
  const door = await sender(open);

  /** Its own store has a job once; so it comes from two of them. */
  async function twice(at: Application, arrival: Arrival): Promise<Ended> {
    const senders = [await sender(at), await sender(at)];
    const both = Promise.all(senders.map((one) => one.deliver(arrival)));
    await at.arrived(2);
    finish(arrival.label.id);
    const [first, second] = await both;
    for (const one of senders) await one.close();
    if (first?.told !== second?.told) throw new Error("the two senders were told different things");
    return { steps: at.recorder.stepsOf(arrival.label.id), told: first?.told ?? null };
  }

  async function disturbed(at: Application, disturbance: Disturbance, arrival: Arrival): Promise<Ended> {
    if (disturbance === "twice") return twice(at, arrival);
    const own = await sender(at);
    const ended = await own.disturb(disturbance, arrival);
    await own.close();
    return ended;
  }

  return {
    deliver: door.deliver,
    async disturb(disturbance, arrival) {
      const at = await application({ keys });
      const ended = await disturbed(at, disturbance, arrival);
      await at.close();
      return ended;
    },
    async close() {
      await door.close();
      await open.close();
    },
  };
}
