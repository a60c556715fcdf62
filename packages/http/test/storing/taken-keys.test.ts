import { connect, newId } from "@waybill/core";
import { memoryBackend } from "@waybill/core/memory";
import { expect, onTestFinished, test } from "vitest";
import { createIngress } from "../../src/index.ts";
import { asked } from "../support/plain-request.ts";

test("an ingress refuses a job whose key is taken in the words of the envelope, which every language has", async () => {
  const to = await connect(memoryBackend(), { log: "off" });
  onTestFinished(() => to.close());
  const { receive } = createIngress({ to, keys: "unsigned" });
  const job = (): string =>
    JSON.stringify({ spec: "waybill/1", id: newId(), type: "mail.send", args: [], dedupe: { key: "k" } });
  expect((await receive(asked(job(), { path: "/jobs" }))).status).toBe(200);
  const alone = await receive(asked(job(), { path: "/jobs" }));
  const words = expect.stringMatching(/has its unique key; send .* `"on_conflict": "ignore"` in its `dedupe`$/);
  expect([alone.status, JSON.parse(alone.body)]).toMatchObject([409, { code: "DUPLICATE_JOB", detail: words }]);
  const headers = { "content-type": "application/x-ndjson" };
  const batch = await receive(asked(job(), { path: "/jobs/batch", headers }));
  expect(JSON.parse(batch.body)).toEqual({ results: [{ code: "DUPLICATE_JOB", message: words }] });
});
