import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { EventBus, type KeyRing, keyRing, newSecret, type Outcome } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { createReceiver, type Receiver, type ReceiverOptions, sqsd } from "@waybill/http";
import { nodeListener } from "@waybill/http/node";
import { finish } from "../gates.ts";
import { jobs } from "../situations.ts";
import type { Arrival, Disturbance, Ended, OpenPath } from "./delivery-path.ts";
import { Recorder } from "./recorder.ts";

/** An application with a receiver in it. */
export interface Application {
  readonly to: string;
  readonly receiver: Receiver;
  readonly recorder: Recorder;
  /** Resolves once so many whole requests have come in. */
  arrived(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function application(options: Pick<ReceiverOptions, "keys" | "carriers">): Promise<Application> {
  const events = new EventBus();
  const recorder = new Recorder(events);
  const keepDead = async (): Promise<void> => {};
  const receiver = createReceiver({
    jobs,
    events,
    log: "off",
    abort: "1s",
    ...options,
    ...(options.carriers && { keepDead }),
  });
  const listener = nodeListener(receiver);
  const whole: unknown[] = [];
  const server: Server = createServer((request, response) => {
    request.once("end", () => whole.push(request.url));
    listener(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    to: `http://127.0.0.1:${(server.address() as AddressInfo).port}/work`,
    receiver,
    recorder,
    async arrived(wanted) {
      while (whole.length < wanted) await sleep(5);
      // Its body has arrived; the receiver reads it some turns of the event loop later.
      await sleep(10);
    },
    async close() {
      await receiver.stop({ drain: 0, abort: 0 });
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A carrier: how it is configured, and the headers of its requests. */
interface Pusher {
  readonly receives: (keys: KeyRing) => Pick<ReceiverOptions, "keys" | "carriers">;
  readonly headers: (arrival: Arrival, keys: KeyRing) => Record<string, string>;
}

export const native: Pusher = {
  receives: (keys) => ({ keys }),
  headers({ body, label, attempt = 1, lost = 0 }, keys) {
    const { timestamp, value } = signatureFor(keys.requests, label.id, body);
    return {
      "content-type": "application/json",
      "webhook-id": label.id,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": value,
      "waybill-type": label.type,
      "waybill-queue": label.queue,
      "waybill-attempt": String(attempt),
      "waybill-lost": String(lost),
    };
  },
};

export const daemon: Pusher = {
  receives: (keys) => ({
    carriers: [sqsd({ keys, httpConnections: 10, inactivityTimeout: "1h", visibilityTimeout: "1h" })],
  }),
  headers({ body, label, attempt = 1, lost = 0 }, keys) {
    const { timestamp, value } = signatureFor(keys, label.id, body);
    const attributes = {
      "waybill-id": label.id,
      "waybill-type": label.type,
      "waybill-delivery": `attempt=${attempt} lost=${lost} releases=0`,
      "webhook-timestamp": String(timestamp),
      "webhook-signature": value,
    };
    return {
      "content-type": "application/json",
      "user-agent": "aws-sqsd/3.0.4",
      "x-aws-sqsd-msgid": label.id,
      "x-aws-sqsd-queue": label.queue,
      "x-aws-sqsd-receive-count": "1",
      ...Object.fromEntries(Object.entries(attributes).map(([name, text]) => [`x-aws-sqsd-attr-${name}`, text])),
    };
  },
};

/** Real requests to a real server. */
export async function pushed({ receives, headers }: Pusher): Promise<OpenPath> {
  const keys = keyRing(newSecret());
  const open = await application(receives(keys));

  async function post(
    to: string,
    arrival: Arrival,
    signal: AbortSignal | null = null,
  ): Promise<Outcome["kind"] | null> {
    const response = await fetch(to, { method: "POST", headers: headers(arrival, keys), body: arrival.body, signal });
    return response.headers.get("waybill-outcome") as Outcome["kind"] | null;
  }

  async function disturbed(at: Application, disturbance: Disturbance, arrival: Arrival): Promise<Ended> {
    const { id } = arrival.label;
    const leaving = new AbortController();
    const response = post(at.to, arrival, leaving.signal).catch(() => null);
    await at.recorder.until(id, "started");
    switch (disturbance) {
      case "taken":
        leaving.abort();
        break;
      case "shutdown":
        await at.receiver.stop({ drain: 0, abort: "1s" });
        break;
      case "twice": {
        const second = post(at.to, arrival);
        await at.arrived(2);
        finish(id);
        if ((await second) !== (await response)) throw new Error("the two deliveries have different responses");
      }
    }
    const reported = await response;
    return { steps: await at.recorder.until(id, "finished"), reported };
  }

  return {
    async deliver(arrival) {
      const reported = await post(open.to, arrival);
      return { steps: open.recorder.stepsOf(arrival.label.id), reported };
    },
    async disturb(disturbance, arrival) {
      const at = await application(receives(keys));
      try {
        return await disturbed(at, disturbance, arrival);
      } finally {
        await at.close();
      }
    },
    close: open.close,
  };
}
