import { readFileSync } from "node:fs";
import { serviceUrl } from "@waybill/test-servers";
import { connect as dial } from "amqplib";
import { describe, expect, onTestFinished, test } from "vitest";
import { delayRoute } from "../src/topology/delay-levels.ts";
import { names } from "../src/topology/topology.ts";
import { freshStore } from "./fixture.ts";

interface Vector<Input, Expect> {
  readonly name: string;
  readonly input: Input;
  readonly expect: Expect;
}

function readVectors<Input, Expect>(path: string): Vector<Input, Expect>[] {
  const file = new URL(`../../../spec/1.0/vectors/bindings/rabbitmq/${path}`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Vector<Input, Expect>[];
}

interface Work {
  readonly prefix: string;
  readonly queue: string;
  readonly queue_type?: string;
  readonly delivery_limit?: number;
}

interface Declaration {
  readonly queue: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly auto_delete: boolean;
  readonly arguments: Readonly<Record<string, string | number>>;
}

type Arguments = Declaration["arguments"];

/** Declares the vector's queue by waybill, then by another program. Returns what the broker replies, or "same". */
async function declaring(input: Work, wanted: Declaration) {
  const { queue, queue_type, delivery_limit } = input;
  const options = {
    ...(queue_type !== undefined && { queueType: queue_type }),
    ...(delivery_limit !== undefined && { deliveryLimit: String(delivery_limit) }),
  };
  const store = await freshStore(options, { queues: [queue] });
  const backend = await store.open();
  const { signal } = new AbortController();
  await backend.lease({ queue, limit: 1, leaseMs: 30_000, waitMs: 0, signal });
  const stranger = await dial(await serviceUrl("rabbitmq"));
  onTestFinished(async () => {
    await stranger.close();
    await backend.close();
    await store.remove();
  });
  const named = (text: string): string => text.replace(input.prefix, store.prefix);
  return async (change: (args: Arguments) => Arguments): Promise<string> => {
    const own = Object.entries(wanted.arguments).map(
      ([name, value]) => [name, typeof value === "string" ? named(value) : value] as const,
    );
    const channel = await stranger.createChannel();
    channel.on("error", () => undefined);
    const { durable, exclusive, auto_delete: autoDelete } = wanted;
    const declaration = { durable, exclusive, autoDelete, arguments: change(Object.fromEntries(own)) };
    const said = await channel.assertQueue(named(wanted.queue), declaration).then(
      () => "same",
      (thrown: unknown) =>
        /PRECONDITION_FAILED|PRECONDITION-FAILED|RESOURCE_LOCKED/.exec(String(thrown))?.[0] ?? String(thrown),
    );
    if (said === "same") await channel.close();
    return said;
  };
}

describe("a work queue has exactly the arguments that the page says", () => {
  test.each(readVectors<Work, Declaration>("queues/work.json"))("$name", async ({ input, expect: wanted }) => {
    const declare = await declaring(input, wanted);
    expect(await declare((args) => args)).toBe("same");
    for (const [name, value] of Object.entries(wanted.arguments)) {
      const others = ({ [name]: _left, ...rest }: Arguments): Arguments => rest;
      // Where classic is the default type of the virtual host, as it mostly is.
      const isUsual = name === "x-queue-type" && value === "classic";
      if (!isUsual) expect(await declare(others), `without ${name}`).toMatch(/PRECONDITION/);
      const changed = typeof value === "number" ? value + 1 : name === "x-queue-type" ? "stream" : `${value}x`;
      expect(await declare((args) => ({ ...args, [name]: changed })), `another ${name}`).toMatch(
        /PRECONDITION|NOT_ALLOWED/,
      );
    }
    expect(await declare((args) => ({ ...args, "x-max-length": 5 })), "one more").toMatch(/PRECONDITION/);
  });
});

describe("routes of delayed messages", () => {
  const routes = readVectors<
    { readonly prefix: string; readonly queue: string; readonly delay_ms: number },
    { readonly exchange: string; readonly routing_key: string }
  >("routes/routes.json");

  test.each(routes)("$name", ({ input: { prefix, queue, delay_ms }, expect: wanted }) => {
    if (delay_ms === 0) return expect({ exchange: "", routing_key: names.workQueue(prefix, queue) }).toEqual(wanted);
    const { level, routingKey } = delayRoute(delay_ms, queue);
    return expect({ exchange: names.levelExchange(prefix, level), routing_key: routingKey }).toEqual(wanted);
  });
});

test("a mandatory message without a queue is returned with 312, and then confirmed", async () => {
  const stranger = await dial(await serviceUrl("rabbitmq"));
  onTestFinished(() => stranger.close());
  const channel = await stranger.createConfirmChannel();
  const received: unknown[] = [];
  channel.on("return", ({ fields, properties }) =>
    received.push(["return", (fields as { replyCode?: number }).replyCode, properties.messageId]),
  );
  const options = { persistent: true, messageId: "019539a4-b68c-7def-8000-1a2b3c4d5e6f" };
  for (const mandatory of [true, false]) {
    await new Promise<void>((resolve) => {
      channel.publish("", "no-such-queue", Buffer.from("{}"), { ...options, mandatory }, (error) => {
        received.push(error === null ? "ack" : "nack");
        resolve();
      });
    });
  }
  expect(received).toEqual([["return", 312, options.messageId], "ack", "ack"]);
});
