import { setTimeout as sleep } from "node:timers/promises";
import { connect, defineJob } from "@waybill/core";
import { ec2AutoScaling } from "@waybill/platforms";
import { beforeAll, describe, test, vi, type TestContext } from "vitest";
import { fakeAutoScaling, fakeMetadata, type FakeAutoScaling, type FakeMetadata } from "./fakes.ts";
import { watched } from "./watching.ts";

// The services are fakes of their documented behaviour, on loopback: see fakes.ts. Nothing here has run on AWS.
const STATE = "autoscaling/target-lifecycle-state";
const POLL = { timeout: 15_000, interval: 25 };

beforeAll(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

async function instance(t: TestContext, state = "InService", heartbeatSeconds = 1) {
  const metadata = await fakeMetadata(t, { [STATE]: state });
  const service = await fakeAutoScaling(t, heartbeatSeconds);
  return { metadata, service };
}
const sourceOf = (metadata: FakeMetadata, service: FakeAutoScaling, options = {}) =>
  ec2AutoScaling({ hook: "drain", metadata: metadata.url, endpoint: service.url, ...options });

describe.concurrent("an instance that its Auto Scaling group terminates", { timeout: 30_000 }, () => {
  test("R41: leases no job 5 s after the state flips, sends a heartbeat at every half of the timeout, and completes the action once, after the drain", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    const jobs = await connect("memory:", { log: "off" });
    t.onTestFinished(() => jobs.close());
    const ended: string[] = [];
    const release = Promise.withResolvers<void>();
    const step = defineJob({
      type: "a.step",
      handler: async (payload) => (await release.promise, void ended.push(String(payload))),
    });
    const worker = jobs.worker({ jobs: [step], shutdown: { drain: "20s" } });
    await worker.start();
    await jobs.enqueue(step, "running");
    await expect.poll(() => worker.health().running, POLL).toBe(1);
    const { watch } = await watched(t, [sourceOf(metadata, service)], (reason) => worker.stop(reason));
    expect(watch.notice()).toBeNull();

    metadata.items.set(STATE, "Terminated");
    const flippedAt = performance.now();
    await expect.poll(() => worker.health().state, POLL).toBe("draining");
    expect(performance.now() - flippedAt).toBeLessThan(5_000);
    await jobs.enqueue(step, "too late");
    await expect.poll(() => service.of("RecordLifecycleActionHeartbeat").length, POLL).toBeGreaterThanOrEqual(2);
    expect(service.of("CompleteLifecycleAction")).toEqual([]);
    const [first, second] = service.of("RecordLifecycleActionHeartbeat").map(({ at }) => at);
    expect(second! - first!).toBeGreaterThanOrEqual(490);

    release.resolve();
    await watch.close();
    expect(ended).toEqual(["running"]);
    expect(worker.health().state).toBe("stopped");
    const [complete, ...more] = service.of("CompleteLifecycleAction");
    expect(more).toEqual([]);
    expect(Object.fromEntries(complete!.parameters)).toMatchObject({
      LifecycleHookName: "drain",
      AutoScalingGroupName: "workers",
      InstanceId: "i-0123456789abcdef0",
      LifecycleActionResult: "CONTINUE",
    });
    expect(service.calls.at(-1)).toBe(complete);
  });

  test("R43: a drain that never ends is forced, and the action is completed at the limit", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    const { watch, stops } = await watched(
      t,
      [sourceOf(metadata, service, { limit: "2s" })],
      () => new Promise(() => {}),
    );
    metadata.items.set(STATE, "Terminated");
    await expect.poll(() => service.of("CompleteLifecycleAction").length, POLL).toBe(1);
    const [first, second] = stops;
    expect(stops).toHaveLength(2);
    expect(second!.at - first!.at).toBeGreaterThanOrEqual(1_490);
    expect(service.of("CompleteLifecycleAction")[0]!.at - first!.at).toBeGreaterThanOrEqual(1_990);
    await watch.close();
    await sleep(600);
    expect(service.calls.at(-1)!.action).toBe("CompleteLifecycleAction");
  });

  test("R43: a stop that rejects or throws does not keep the instance waiting", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    const { lines } = await watched(t, [sourceOf(metadata, service)], () => {
      throw new Error("no such worker");
    });
    metadata.items.set(STATE, "Terminated");
    await expect.poll(() => service.of("CompleteLifecycleAction").length, POLL).toBe(1);
    expect(lines.join("\n")).toContain("stop failed: no such worker");
  });

  test("R43: without the permission for heartbeats and for reading the hook, the action is still completed", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    for (const action of ["RecordLifecycleActionHeartbeat", "DescribeLifecycleHooks"]) service.denied.add(action);
    await watched(t, [sourceOf(metadata, service, { group: "workers" })]);
    metadata.items.set(STATE, "Terminated");
    await expect.poll(() => service.of("CompleteLifecycleAction").length, POLL).toBe(1);
    expect(service.of("DescribeAutoScalingInstances")).toEqual([]);
  });

  test("an action that cannot be completed is logged with the command that does it by hand", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    service.denied.add("CompleteLifecycleAction");
    const { watch, lines } = await watched(t, [sourceOf(metadata, service)]);
    metadata.items.set(STATE, "Terminated");
    await expect.poll(() => watch.notice(), POLL).not.toBeNull();
    await watch.close();
    expect(lines.at(-1)).toContain("AccessDenied: not authorized");
    expect(lines.at(-1)).toContain(
      "aws autoscaling complete-lifecycle-action --lifecycle-hook-name drain --auto-scaling-group-name workers " +
        "--instance-id i-0123456789abcdef0 --lifecycle-action-result CONTINUE",
    );
  });

  test("a process that starts again on such an instance sees it before it leases a job", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t, "Terminated");
    const { watch, stops } = await watched(t, [sourceOf(metadata, service)]);
    expect(watch.notice()).toEqual({ reason: "EC2_AUTO_SCALING", limitMs: 3_600_000 });
    expect(stops).toHaveLength(1);
    await watch.close();
    expect(service.of("CompleteLifecycleAction")).toHaveLength(1);
  });

  test("a name of a hook that the group does not have is reported at the start", async (t) => {
    const { expect } = t;
    const { metadata, service } = await instance(t);
    const { lines } = await watched(t, [sourceOf(metadata, service, { hook: "drian" })]);
    await expect
      .poll(() => lines.filter((line) => !line.includes("metadata")), POLL)
      .toEqual([
        "ec2AutoScaling: the group workers has no lifecycle hook drian for autoscaling:EC2_INSTANCE_TERMINATING",
      ]);
  });
});
