import { setTimeout as sleep } from "node:timers/promises";
import { ecs } from "@waybill/platforms";
import { describe, test } from "vitest";
import { fakeAgent, type FakeAgent } from "./fakes.ts";
import { watched } from "./watching.ts";

const POLL = { timeout: 25_000, interval: 50 };
const on = { path: "PUT /api/0123/task-protection/v1/state", body: { ProtectionEnabled: true, ExpiresInMinutes: 60 } };
const off = { path: "PUT /api/0123/task-protection/v1/state", body: { ProtectionEnabled: false } };

describe.concurrent("an ECS task", { timeout: 60_000 }, () => {
  test("is protected from scale-in once a job runs, and released once it has been idle for 10 s", async (t) => {
    const { expect } = t;
    const agent = await fakeAgent(t);
    let running = 0;
    const { lines, stops } = await watched(t, [ecs({ busy: () => running > 0, agent: agent.url })]);
    await sleep(1_200);
    expect(agent.requests).toEqual([]);
    running = 1;
    await expect.poll(() => agent.requests, POLL).toEqual([on]);
    await sleep(1_500);
    running = 0;
    const idleAt = performance.now();
    await expect.poll(() => agent.requests, POLL).toEqual([on, off]);
    expect(performance.now() - idleAt).toBeGreaterThan(8_000);
    expect([lines, stops]).toEqual([[], []]);
  });

  test("that ends is released at once", async (t) => {
    const { expect } = t;
    const agent = await fakeAgent(t);
    const { watch } = await watched(t, [ecs({ busy: () => true, agent: agent.url, expires: "2h" })]);
    await watch.close();
    expect(agent.requests.map(({ body }) => body)).toEqual([
      { ProtectionEnabled: true, ExpiresInMinutes: 120 },
      off.body,
    ]);
  });

  test.for<[string, NonNullable<FakeAgent["reply"]>]>([
    ["a failure of ECS", { status: 200, body: '{"failure":{"Arn":"arn","Detail":null,"Reason":"TASK_NOT_VALID"}}' }],
    ["a refusal", { status: 400, body: '{"error":{"Code":"AccessDeniedException","Message":"not authorized"}}' }],
    ["a page of a stranger", { status: 200, body: "<html>" }],
  ])("runs its jobs after %s, which one line reports", async ([, reply], t) => {
    const { expect } = t;
    const agent = await fakeAgent(t);
    agent.reply = reply;
    const { lines, stops } = await watched(t, [ecs({ busy: () => true, agent: agent.url })]);
    await sleep(2_500);
    expect(lines).toEqual([
      `ecs: scale-in protection cannot be set: the agent responded with ${reply.status} ${reply.body}; jobs run`,
    ]);
    expect(agent.requests).toHaveLength(1);
    expect(stops).toEqual([]);
  });

  test("outside of ECS there is one line, and jobs run", async (t) => {
    const { expect } = t;
    const { lines, stops } = await watched(t, [ecs({ busy: () => true })]);
    expect(lines).toEqual([expect.stringContaining("ECS_AGENT_URI is not set")]);
    expect(stops).toEqual([]);
  });
});
