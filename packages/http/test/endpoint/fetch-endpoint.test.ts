import type { UnderlyingSource } from "node:stream/web";
import { defineJob, type LogLine } from "@waybill/core";
import { describe, expect, test } from "vitest";
import { createReceiver } from "../../src/index.ts";
import { envelope, idIn } from "../support/daemon-request.ts";
import { keys, signed } from "../support/signed-requests.ts";

const jobs = [defineJob({ type: "works", handler() {} })];

test("a receiver is a function from Request to Response, for any host that uses fetch", async () => {
  const receiver = createReceiver({ jobs, keys, log: "off", allowIps: ["10.0.0.1"] });
  const body = envelope("works");
  const request = (): Request =>
    new Request("https://app.example/work?x=1", { method: "POST", headers: signed(body), body });
  expect((await receiver(request())).status).toBe(403);
  const response = await receiver(request(), { peer: "10.0.0.1" });
  expect({ status: response.status, job: response.headers.get("x-waybill-job") }).toEqual({
    status: 200,
    job: idIn(body),
  });
  expect((await receiver(new Request("https://app.example/other"))).status).toBe(404);
});

describe("a body that is a stream", () => {
  /** A signed request whose body comes as `source` says, to a receiver with these limits. */
  function streaming(source: UnderlyingSource<Uint8Array>, limits: { bodyTimeout?: number; maxBodyBytes?: number }) {
    const lines: LogLine[] = [];
    const receiver = createReceiver({ jobs, keys, log: (line) => lines.push(line), ...limits });
    const headers = signed(envelope("works"));
    const body = new ReadableStream(source);
    return {
      lines,
      response: receiver(new Request("https://app.example/work", { method: "POST", headers, body, duplex: "half" })),
    };
  }

  test("over the limit is given up, not read on", async () => {
    let given = 0;
    let why: unknown = null;
    const { response } = streaming(
      {
        pull: (to) => to.enqueue(new Uint8Array(((given += 1), 400))),
        cancel: (reason) => void (why = reason),
      },
      { maxBodyBytes: 1_000 },
    );
    expect((await response).status).toBe(413);
    expect(given).toBeLessThan(6);
    expect(why).toMatchObject({ code: "BODY_TOO_LARGE" });
  });

  test("that comes too slowly is a 408, also where it cannot be given up", async () => {
    const { response } = streaming(
      {
        pull: () => new Promise(() => {}),
        cancel() {
          throw new Error("not cancelled");
        },
      },
      { bodyTimeout: 20 },
    );
    expect((await response).status).toBe(408);
  });

  test("that fails broke off", async () => {
    const { response, lines } = streaming({ pull: (to) => to.error(new Error("reset")) }, {});
    expect((await response).status).toBe(400);
    expect(lines.at(-1)).toMatchObject({ code: "BODY_INCOMPLETE", message: "the body is incomplete: Error: reset" });
  });

  test("that something else has read is gone, and the log says what to do", async () => {
    const lines: LogLine[] = [];
    const receiver = createReceiver({ jobs, keys, log: (line) => lines.push(line) });
    const body = envelope("works");
    const request = new Request("https://app.example/work", { method: "POST", headers: signed(body), body });
    await request.json();
    expect((await receiver(request)).status).toBe(500);
    expect(lines.at(-1)).toMatchObject({ code: "BODY_GONE", message: expect.stringContaining("request.clone()") });
  });
});
