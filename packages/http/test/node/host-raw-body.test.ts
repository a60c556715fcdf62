import { createServer, type IncomingMessage } from "node:http";
import { defineJob, type LogLine } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { nodeListener } from "../../src/node/index.ts";
import { envelope } from "../support/daemon-request.ts";
import { keys, post, signed } from "../support/signed-requests.ts";
import { listening } from "../support/sending-worker.ts";

function receiving() {
  const ran: string[] = [];
  const lines: LogLine[] = [];
  const job = defineJob({ type: "work", timeout: "1m", handler: (_, { delivery }) => void ran.push(delivery.body) });
  const receiver = createReceiver({ jobs: [job], keys, maxBodyBytes: 1_000, log: (line) => lines.push(line) });
  return { ran, lines, receiver };
}
type Seen = ReturnType<typeof receiving>;

const body = (name = "Ada"): string => ` ${envelope("work", { name })}`;

/** The body was read before the endpoint by something that left this in `rawBody`. */
async function onNode({ receiver }: Seen, sent: string, left: (bytes: Buffer) => unknown): Promise<number> {
  const listener = nodeListener(receiver);
  const host = async (request: IncomingMessage): Promise<void> => {
    const bytes = Buffer.concat(await request.toArray());
    Object.assign(request, { body: JSON.parse(bytes.toString()) as unknown, rawBody: left(bytes) });
  };
  const server = createServer((request, response) => void host(request).then(() => listener(request, response)));
  return (await post(`${await listening(server)}/work`, sent, { headers: signed(sent) })).status;
}

async function onFetch({ receiver }: Seen, sent: string, left: (bytes: Buffer) => unknown): Promise<number> {
  const url = "https://app.example/work";
  const request = new Request(url, { method: "POST", headers: signed(sent), body: sent });
  const rawBody = left(Buffer.from(await request.arrayBuffer()));
  return (await receiver(Object.assign(request, { rawBody }))).status;
}

describe.each([
  ["node:http", onNode],
  ["fetch", onFetch],
])("over %s, a body that the host has read", (_, send) => {
  test.each<[string, (bytes: Buffer) => unknown]>([
    ["a Buffer", (bytes) => bytes],
    [
      "a Uint8Array, part of a larger one",
      (bytes) => new Uint8Array(Buffer.concat([bytes, bytes])).subarray(0, bytes.length),
    ],
  ])("is taken from `rawBody`: %s", async (_name, left) => {
    const seen = receiving();
    const sent = body("Zoë");
    expect(await send(seen, sent, left)).toBe(200);
    expect(seen.ran).toEqual([sent]);
  });

  test("is limited by `maxBodyBytes`", async () => {
    const seen = receiving();
    expect(await send(seen, body("x".repeat(1_000)), (bytes) => bytes)).toBe(413);
    expect(await send(seen, body(), (bytes) => Buffer.concat([bytes, Buffer.alloc(1_000, " ")]))).toBe(413);
    expect(seen.ran).toEqual([]);
  });

  test("is verified by its bytes, not by the result of a parser", async () => {
    const seen = receiving();
    expect(await send(seen, body(), () => Buffer.from(body("Eve")))).toBe(403);
    expect(seen.ran).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["a string", body()],
    ["an object", {}],
    ["an array", [1, 2]],
    ["a number", 5],
  ])("is refused when `rawBody` is %s, and the log says what to put there", async (what, rawBody) => {
    const seen = receiving();
    expect(await send(seen, body(), () => rawBody)).toBe(500);
    const message = expect.stringContaining(
      `request.rawBody is ${what}; put the body's bytes there, as a Buffer or Uint8Array`,
    );
    expect(seen.lines.at(-1)).toMatchObject({ code: "BODY_GONE", message });
    expect(seen.ran).toEqual([]);
  });
});
