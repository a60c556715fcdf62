import { createServer } from "node:http";
import { defineJob, type Jobs, type Producer } from "@waybill/core";
import { expectTypeOf, test } from "vitest";
import {
  cloudTasks,
  createIngress,
  createReceiver,
  createRelay,
  pubsub,
  qstash,
  sendOverHttp,
  sqsd,
} from "../src/index.ts";
import { nodeListener } from "../src/node/index.ts";

const count = defineJob({ type: "count.add", handler: () => {} });
const keys = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

test("a receiver with a misspelt option, or one of another type, does not compile", () => {
  const wrong = () => [
    // @ts-expect-error a receiver has jobs
    createReceiver({ keys }),
    // @ts-expect-error a job is a definition, not its name
    createReceiver({ keys, jobs: ["count.add"] }),
    // @ts-expect-error no such option
    createReceiver({ keys, jobs: [count], concurency: 5 }),
    // @ts-expect-error a duration in words
    createReceiver({ keys, jobs: [count], abort: "soon" }),
    // @ts-expect-error a path is text
    createReceiver({ keys, jobs: [count], path: /work/ }),
    // @ts-expect-error carriers are made by a function of that name
    createReceiver({ jobs: [count], carriers: ["sqsd"] }),
    // @ts-expect-error keys are texts or a ring
    createReceiver({ keys: 5, jobs: [count] }),
    // @ts-expect-error nothing of that name can be required
    createReceiver({ keys, jobs: [count], require: ["exactly_once"] }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("a dead push is kept by a function that says when it has", () => {
  const calls = () => [
    createReceiver({ keys, jobs: [count], keepDead: async ({ body }) => void expectTypeOf(body).toBeString() }),
    // @ts-expect-error the receiver could not wait until the letter is kept
    createReceiver({ keys, jobs: [count], keepDead: () => true }),
  ];
  expectTypeOf(calls).toBeFunction();
});

test("a relay, an ingress, a sender and a carrier with a wrong option do not compile", () => {
  const wrong = (jobs: Jobs) => [
    // @ts-expect-error a relay stores what comes in a connection
    createRelay({ keys, to: "redis://127.0.0.1" }),
    // @ts-expect-error an ingress needs keys
    createIngress({ to: jobs }),
    // @ts-expect-error an ingress runs no jobs
    createIngress({ to: jobs, keys, jobs: [count] }),
    // @ts-expect-error where to
    sendOverHttp({ keys }),
    // @ts-expect-error whose signature
    sendOverHttp({ to: "http://127.0.0.1/work" }),
    // @ts-expect-error a duration without its unit
    sendOverHttp({ to: "http://127.0.0.1/work", keys, inactivityTimeout: "299" }),
    // @ts-expect-error a URL is text
    sendOverHttp({ to: new URL("http://127.0.0.1/work"), keys }),
    // @ts-expect-error no such option
    sqsd({ keys, connections: 10 }),
    // @ts-expect-error whose token
    cloudTasks({}),
    // @ts-expect-error a duration in words
    pubsub({ audience: "a", serviceAccounts: ["s"], subscriptions: ["s"], ackDeadline: "short" }),
    // @ts-expect-error no such option
    qstash({ currentKey: "a", nextKey: "b", keys }),
  ];
  expectTypeOf(wrong).toBeFunction();
});

test("a relay and an ingress store by a producer, which needs no worker", () => {
  const calls = (producer: Producer) => [createRelay({ keys, to: producer }), createIngress({ keys, to: producer })];
  expectTypeOf(calls).toBeFunction();
});

test("an endpoint is a listener of Node's server, and nothing else is", () => {
  const calls = () => [
    createServer(nodeListener(createReceiver({ keys, jobs: [count] }))),
    // @ts-expect-error options are no endpoint
    nodeListener({ keys, jobs: [count] }),
  ];
  expectTypeOf(calls).toBeFunction();
});
