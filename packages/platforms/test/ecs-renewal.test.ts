import { setTimeout as sleep } from "node:timers/promises";
import { ecs } from "@waybill/platforms";
import { expect, test, vi } from "vitest";
import { fakeAgent } from "./fakes.ts";
import { watched } from "./watching.ts";

test("the protection of an ECS task is renewed at half of its time", async (t) => {
  const agent = await fakeAgent(t);
  let laterMs = 0;
  const monotonic = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => monotonic() + laterMs);
  await watched(t, [ecs({ busy: () => true, agent: agent.url, expires: "1h" })]);
  expect(agent.requests).toHaveLength(1);
  laterMs = 29 * 60_000;
  await sleep(2_500);
  expect(agent.requests).toHaveLength(1);
  laterMs = 31 * 60_000;
  await expect.poll(() => agent.requests.length, { timeout: 10_000 }).toBe(2);
});
