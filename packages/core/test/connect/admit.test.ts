import { newId } from "@waybill/core";
import { expect, test } from "vitest";
import { createAdmit } from "../../src/connect/admit.ts";
import { memoryCapabilities } from "../../src/memory/limits.ts";

const has = {
  ...memoryCapabilities,
  priorityLevels: 1,
  maxBodyBytes: 300,
  maxRetryDelayMs: 0,
  maxDelayMs: 0,
  uniqueKeys: false,
};
const plain = { spec: "waybill/1", id: newId(), type: "mail.send", args: [] };

test.each([
  ["a priority", { priority: 1 }, /priority/],
  ["dedupe", { dedupe: { key: "a" } }, /dedupe/],
  ["a delay", { scheduled_at: "9999-01-01T00:00:00Z" }, /delay/],
  ["more bytes than are kept", { args: ["ö".repeat(150)] }, /has \d{3} bytes.*the limit is 300/],
])("what a store cannot do is judged before it is asked, under the spec's code: %s", (_, more, message) => {
  const admit = createAdmit(() => has);
  expect(admit(JSON.stringify({ ...plain, ...more }), null)).toEqual({
    ok: false,
    reason: { code: "NEED_UNSUPPORTED", message: expect.stringMatching(message) },
  });
  expect(admit(JSON.stringify(plain), null)).toMatchObject({ ok: true });
  const keyed = JSON.stringify({ ...plain, dedupe: { key: "a", for: "PT1M" } });
  const unique = { key: "a", until: 60_000, onConflict: "reject" };
  expect(createAdmit(() => memoryCapabilities)(keyed, null)).toMatchObject({ ok: true, message: { unique } });
  expect(createAdmit(() => ({ ...has, ...memoryCapabilities }))(JSON.stringify(plain), null).ok).toBe(true);
});
