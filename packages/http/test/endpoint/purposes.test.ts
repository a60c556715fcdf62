import { connect, defineJob, keyRing, newId, newSecret } from "@waybill/core";
import { serialiseEnvelope, signatureFor, signedWrapper } from "@waybill/core/endpoint";
import { afterAll, describe, expect, test } from "vitest";
import { createIngress, createReceiver, createRelay, sqsd } from "../../src/index.ts";
import type { PushRequest } from "../../src/push/push-request.ts";
import type { PushResponse } from "../../src/push/push-response.ts";
import { asked } from "../support/plain-request.ts";
import { daemonHeaders } from "../support/daemon-request.ts";

// One secret for everything, as most programs have it: what was signed for one purpose is good for no other.
const keys = keyRing(newSecret());
const jobs = await connect("memory:", { log: "off" });
afterAll(() => jobs.close());

const work = defineJob({ type: "work", timeout: "1m", handler() {} });
const receiver = createReceiver({ jobs: [work], keys, carriers: [sqsd({ keys, httpConnections: 10 })], log: "off" });
const relay = createRelay({ to: jobs, keys, carriers: [sqsd({ keys })] });
const ingress = createIngress({ to: jobs, keys });

const MADE = { "a job": keys, "a request": keys.requests } as const;
const AGE_S = { now: 0, "300 days ago": 300 * 86_400 } as const;

interface Seen {
  readonly body: string;
  readonly id: string;
  readonly timestamp: number;
  readonly value: string;
}

/** Ways to send one signed job or request that an attacker has seen. */
const SENT: Readonly<Record<string, (seen: Seen) => Promise<PushResponse>>> = {
  "a receiver, as a request": (seen) => receiver.receive(request(seen, "/work")),
  "a relay, as a request": (seen) => relay.receive(request(seen, "/work")),
  "an ingress": (seen) => ingress.receive(request(seen, "/jobs")),
  "a receiver, as the daemon's": (seen) => receiver.receive(daemon(seen)),
  "a relay, as the daemon's": (seen) => relay.receive(daemon(seen)),
  "a receiver, in a wrapper": (seen) => receiver.receive(wrapped(seen)),
};

function request({ body, id, timestamp, value }: Seen, path: string): PushRequest {
  const headers = { "webhook-id": id, "webhook-timestamp": `${timestamp}`, "webhook-signature": value };
  return asked(body, { path, headers });
}

const lower = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function daemon({ body, timestamp, value }: Seen): PushRequest {
  const attributes = { "webhook-timestamp": `${timestamp}`, "webhook-signature": value };
  return asked(body, { headers: lower(daemonHeaders({ body, attributes })) });
}

function wrapped({ body, timestamp, value }: Seen): PushRequest {
  const wrapper: object = JSON.parse(signedWrapper(keys, body));
  const text = JSON.stringify({ ...wrapper, ts: timestamp, sig: value });
  return asked(text, { headers: lower(daemonHeaders({ body: text })) });
}

/** Where it is taken: what is signed as a job wherever jobs are, at an ingress while it is fresh; a request by a receiver. */
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  "a job now": ["an ingress", "a receiver, as the daemon's", "a relay, as the daemon's", "a receiver, in a wrapper"],
  "a job 300 days ago": ["a receiver, as the daemon's", "a relay, as the daemon's", "a receiver, in a wrapper"],
  "a request now": ["a receiver, as a request", "a relay, as a request"],
  "a request 300 days ago": [],
};

describe.each(Object.entries(MADE))("what is signed as %s", (purpose, ring) => {
  test.each(Object.entries(AGE_S))(
    "%s is taken for that and for nothing else, whichever endpoint it comes to",
    async (age, ageS) => {
      const taken: string[] = [];
      for (const [where, send] of Object.entries(SENT)) {
        const id = newId();
        const body = serialiseEnvelope({ spec: "waybill/1", id, type: "work", args: [{}] });
        const timestamp = signatureFor(ring, id, body).timestamp - ageS;
        const { status } = await send({ body, id, timestamp, value: ring.sign({ id, timestamp, body }) });
        expect([200, 403], where).toContain(status);
        if (status === 200) taken.push(where);
      }
      expect(taken).toEqual(TAKEN[`${purpose} ${age}`]);
    },
  );
});
