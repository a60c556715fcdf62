import { WaybillError } from "@waybill/core";
import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { createLink } from "../src/link.ts";
import { createPublisher } from "../src/publisher.ts";
import { settingsOf } from "../src/options.ts";
import { optionsFromUrl } from "../src/url.ts";

test("what cannot be declared for a message is the answer of its enqueue, and no rejection that nobody handles", async () => {
  const settings = settingsOf(optionsFromUrl(await serviceUrl("rabbitmq")));
  const link = createLink({ settings, heartbeatS: () => 10, pulsed: false });
  const publisher = createPublisher(link, 5_000, () => false);
  const unhandled: unknown[] = [];
  const listen = (thrown: unknown): void => void unhandled.push(thrown);
  process.on("unhandledRejection", listen);
  // The first call opens the channel, the second finds it open.
  expect(await publisher.publish([], () => null)).toEqual([]);
  const message = {
    queue: "q",
    content: Buffer.from(""),
    properties: {},
    route: () => ({ exchange: "", routingKey: "q" }),
  };
  const refuse = (): Promise<never> => Promise.reject(new WaybillError("CONFIG_INVALID", "refused"));
  const [answer] = await publisher.publish([message], refuse);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", listen);
  link.cut();
  expect(String(answer)).toContain("refused");
  expect(unhandled).toEqual([]);
});
