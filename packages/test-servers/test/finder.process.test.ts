import { connect } from "node:net";
import { serviceUrl } from "@waybill/test-servers";
import { expect, test } from "vitest";

const accepts = (url: string) =>
  new Promise<boolean>((resolve) => {
    const { hostname, port } = new URL(/endpoint=(.*)/.exec(url)?.[1] ?? url);
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      resolve(true);
      socket.destroy();
    }).on("error", () => resolve(false));
  });

test.each(["redis", "rabbitmq", "postgres", "pgbouncer", "sqs"] as const)(
  "R25: a test that asks for %s gets one that accepts connections, with no container and no account",
  async (name) => {
    const url = await serviceUrl(name);
    expect(await accepts(url)).toBe(true);
    expect(await serviceUrl(name)).toBe(url);
  },
  90_000,
);
