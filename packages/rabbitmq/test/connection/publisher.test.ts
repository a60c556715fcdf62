import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";
import { createConnection } from "../../src/connection/connection.ts";
import { createPublisher } from "../../src/connection/publisher.ts";
import { settingsOf } from "../../src/options.ts";
import { optionsFromUrl } from "../../src/url.ts";

test("a failed declaration is the result of each message, and causes no unhandled rejection", async () => {
  const options = optionsFromUrl(await serviceUrl("rabbitmq"));
  const settings = settingsOf({ ...options, prefix: "never-declared", declare: false });
  const connection = createConnection(settings, () => 10, false);
  const publisher = createPublisher(connection, 5_000, () => false);
  const unhandled: unknown[] = [];
  const listen = (thrown: unknown): void => void unhandled.push(thrown);
  process.on("unhandledRejection", listen);
  const message = {
    queue: "q",
    level: null,
    content: Buffer.from(""),
    properties: {},
    route: () => ({ exchange: "", routingKey: "q" }),
  };
  // The first call opens the channel, the second finds it open.
  for (const messages of [[message], [message, message]]) {
    const results = await publisher.publish(messages);
    expect(results.map(String)).toEqual(
      messages.map(() => expect.stringContaining('"never-declared:dead" does not exist')),
    );
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", listen);
  connection.destroy();
  expect(unhandled).toEqual([]);
});
