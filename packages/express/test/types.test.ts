import { defineJob } from "@waybill/core";
import { createReceiver } from "@waybill/http";
import express from "express";
import { expectTypeOf, test } from "vitest";
import { keepRawBody, waybill } from "../src/index.ts";

test("a receiver is Express middleware, at the root or at a path, and nothing else is taken for one", () => {
  const receiver = createReceiver({
    jobs: [defineJob({ type: "count.add", handler: () => {} })],
    keys: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  });
  const calls = (application: express.Express) => [
    application.use(waybill(receiver)),
    application.use("/work", waybill(receiver)),
    application.use(express.json({ verify: keepRawBody })),
    // @ts-expect-error a receiver is not middleware by itself
    application.use(receiver),
    // @ts-expect-error options are no endpoint
    waybill({ path: "/work" }),
    // @ts-expect-error the path is the receiver's own option
    waybill(receiver, { path: "/work" }),
    // @ts-expect-error it keeps a body that a parser hands over
    express.json({ keepRawBody }),
  ];
  expectTypeOf(calls).toBeFunction();
});
