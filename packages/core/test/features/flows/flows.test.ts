import { defineJob } from "@waybill/core";
import { testJobs, type TestJobs } from "@waybill/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { connected, eventOf } from "../../helpers/connected.ts";

let jobs: TestJobs;
let ran: string[] = [];
/** Names of jobs whose handler fails. */
const failing = new Set<string>();

const step = defineJob({
  type: "step.run",
  payload: z.string(),
  result: z.string(),
  retry: { maxAttempts: 1 },
  handler: async (name) => {
    ran.push(name);
    if (failing.has(name)) throw new Error(`${name} fails`);
    return `${name}!`;
  },
});
const join = defineJob({
  type: "step.join",
  payload: z.string(),
  handler: async (name, job) => {
    const results = await job.results();
    ran.push(`${name}(${results.map(({ state, result }) => result ?? state).join(" ")})`);
  },
});
const split = defineJob({
  type: "step.split",
  payload: z.array(z.string()),
  handler: async (names, job) => {
    ran.push("split");
    const parts = await Promise.all(names.map(async (name) => job.flow?.add(step, name)));
    await job.flow?.add(join, "merge", { after: parts.filter((part) => part !== undefined) });
  },
});

beforeEach(async () => {
  ran = [];
  failing.clear();
  jobs = await testJobs({ jobs: [step, join, split] });
});
afterEach(() => jobs.close());

const stateOf = async (id: string): Promise<string | undefined> => (await jobs.flows.get(id))?.state;
const statesOf = async (id: string): Promise<string[]> =>
  (await jobs.flows.get(id))?.members.map(({ state }) => state) ?? [];

test("members run once those before them have completed, and read their results in the order they were added", async () => {
  const flow = jobs.flow("album");
  const first = flow.add(step, "a");
  const second = [flow.add(step, "b", { after: first }), flow.add(step, "c", { after: first })];
  flow.add(join, "end", { after: second });
  const ended: unknown[] = [];
  jobs.events.on("flow_ended", ({ name, state }) => void ended.push([name, state]));
  const { id, started } = await flow.start();
  expect([started, await stateOf(id)]).toEqual([true, "running"]);
  await jobs.drain();
  expect(ran).toEqual(["a", "b", "c", "end(b! c!)"]);
  expect(ended).toEqual([["album", "completed"]]);
  const shown = await jobs.flows.get(id);
  expect(shown).toMatchObject({ name: "album", state: "completed", size: 4 });
  expect(shown?.members[3]?.after).toEqual(second.map((member) => member.id));
  expect(await jobs.result(first)).toBe("a!");
});

test("a dead member ends what needs it as DEPENDENCY_DEAD, runs what takes any end, and hangs nothing", async () => {
  failing.add("b");
  const flow = jobs.flow("album");
  const [a, b] = [flow.add(step, "a"), flow.add(step, "b")];
  const never = flow.add(step, "never", { after: [a, b] });
  flow.add(step, "never either", { after: never });
  flow.add(join, "any", { after: [a, b], when: "ended" });
  const { id } = await flow.start();
  await jobs.drain();
  expect(ran).toEqual(["a", "b", "any(a! dead)"]);
  expect(await statesOf(id)).toEqual(["completed", "dead", "dependency_dead", "dependency_dead", "completed"]);
  expect(await stateOf(id)).toBe("failed");
  await expect(jobs.result(never)).rejects.toMatchObject({ reason: { code: "DEPENDENCY_DEAD" } });
});

test("the replay of a dead letter resumes its flow, and runs nothing twice", async () => {
  failing.add("b");
  const flow = jobs.flow("album");
  const [a, b] = [flow.add(step, "a"), flow.add(step, "b")];
  const c = flow.add(step, "c", { after: [a, b] });
  flow.add(join, "end", { after: [c, a] });
  flow.add(join, "any", { after: [a, b], when: "ended" });
  const { id } = await flow.start();
  await jobs.drain();
  failing.clear();
  ran = [];
  await jobs.inspector?.replay({ ids: [b.id] });
  await jobs.drain();
  expect(ran).toEqual(["b", "c", "end(a! c!)"]);
  expect(await stateOf(id)).toBe("completed");
});

test("onDead: stop runs nothing more but what takes any end, and a replay resumes it", async () => {
  failing.add("a");
  const flow = jobs.flow("album", { onDead: "stop" });
  const a = flow.add(step, "a");
  flow.add(step, "b");
  flow.add(step, "c", { after: flow.add(step, "d") });
  flow.add(join, "any", { after: a, when: "ended" });
  const { id } = await flow.start();
  await jobs.drain();
  expect(ran).toEqual(["a", "any(dead)"]);
  expect(await stateOf(id)).toBe("failed");
  failing.clear();
  ran = [];
  await jobs.inspector?.replay({ ids: [a.id] });
  await jobs.drain();
  expect(ran.toSorted()).toEqual(["a", "b", "c", "d"]);
  expect(await stateOf(id)).toBe("completed");
});

test("a member may add others, which what comes after it waits for", async () => {
  const flow = jobs.flow("album");
  flow.add(join, "end", { after: flow.add(split, ["x", "y"]) });
  const { id } = await flow.start();
  await jobs.drain();
  expect(ran).toEqual(["split", "x", "y", "merge(x! y!)", "end(completed x! y! completed)"]);
  expect(await stateOf(id)).toBe("completed");
});

test("a flow within a flow begins after what it comes after, and is waited for as a whole", async () => {
  const inner = jobs.flow("inner");
  inner.add(step, "i2", { after: inner.add(step, "i1") });
  inner.add(step, "i3");
  const flow = jobs.flow("outer");
  flow.add(join, "end", { after: flow.addFlow(inner, { after: flow.add(step, "a") }) });
  const { id } = await flow.start();
  await jobs.drain();
  expect(ran.at(0)).toBe("a");
  expect(ran.at(-1)).toBe("end(i2! i3!)");
  expect(await stateOf(id)).toBe("completed");
  expect(() => inner.start()).toThrow("part of another flow");
});

test("cancel stops what has not started, and what comes after it", async () => {
  const flow = jobs.flow("album");
  flow.add(join, "end", { after: flow.add(step, "a"), when: "ended" });
  const { id } = await flow.start();
  expect(await jobs.flows.cancel(id)).toBe(true);
  await jobs.drain();
  expect(ran).toEqual([]);
  expect([await stateOf(id), await statesOf(id)]).toEqual(["cancelled", ["cancelled", "cancelled"]]);
  expect(await jobs.flows.cancel(id)).toBe(false);
  expect(await jobs.flows.cancel("none")).toBe(false);
});

test("a cancelled flow ends when its last running member has, not before", async () => {
  const ended: string[] = [];
  const working = await connected();
  working.events.on("flow_ended", ({ state }) => void ended.push(state));
  const [started, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const held = defineJob({ type: "step.held", handler: () => (started.resolve(), mayEnd.promise) });
  const flow = working.flow("album");
  const second = flow.add(join, "second", { after: flow.add(held, {}) });
  flow.add(join, "third", { after: second, when: "ended" });
  const { id } = await flow.start();
  await working.worker({ jobs: [held, join] }).start();
  await started.promise;
  expect(await working.flows.cancel(id)).toBe(true);
  const cancelled = await working.flows.get(id);
  expect(cancelled).toMatchObject({ state: "cancelled", endedAt: null });
  expect(cancelled?.members.map(({ state }) => state)).toEqual(["enqueued", "cancelled", "cancelled"]);
  expect(ended).toEqual([]);
  const end = eventOf(working, "flow_ended");
  mayEnd.resolve();
  expect(await end).toMatchObject({ flow: id, state: "cancelled" });
  expect(ran).toEqual([]);
});

test("jobs.cancel of one member ends it, and what comes after it does not hang", async () => {
  const flow = jobs.flow("album");
  const a = flow.add(step, "a");
  flow.add(join, "end", { after: a, when: "ended" });
  const { id } = await flow.start();
  await jobs.cancel(a.id);
  await jobs.drain();
  expect(ran).toEqual(["end(cancelled)"]);
  expect(await stateOf(id)).toBe("failed");
});

test("a flow of the same id is started once, and another flow of that id is refused", async () => {
  const make = (name: string) => {
    const flow = jobs.flow("album", { id: ["album", 7] });
    flow.add(step, name);
    return flow.start();
  };
  const first = await make("a");
  expect(first.started).toBe(true);
  expect(await make("a")).toEqual({ id: first.id, started: false });
  await expect(make("b")).rejects.toMatchObject({ code: "ID_CONFLICT" });
  await jobs.drain();
  expect(ran).toEqual(["a"]);
});

test("a batch runs its last job after all others", async () => {
  const { id } = await jobs.batch(
    [
      { job: step, payload: "a" },
      { job: step, payload: "b" },
    ],
    { job: join, payload: "end", when: "ended" },
  );
  await jobs.drain();
  expect(ran).toEqual(["a", "b", "end(a! b!)"]);
  expect((await jobs.flows.list()).flows).toMatchObject([{ id, name: "batch", state: "completed" }]);
});

test("flows are listed newest first, page by page, and are removed once they are kept no longer", async () => {
  for (const name of ["one", "two", "three"]) {
    const flow = jobs.flow(name, { keep: "1h" });
    flow.add(step, name);
    await flow.start();
    await jobs.advance("1s");
  }
  const page = await jobs.flows.list({ limit: 2 });
  expect(page.flows.map(({ name }) => name)).toEqual(["three", "two"]);
  const rest = await jobs.flows.list({ limit: 2, after: page.next ?? "" });
  expect(rest.flows.map(({ name }) => name)).toEqual(["one"]);
  await jobs.advance("2h");
  expect((await jobs.flows.list()).flows).toEqual([]);
});

test("what cannot work is refused before anything is stored", async () => {
  const flow = jobs.flow("album");
  const other = jobs.flow("other").add(step, "x");
  const unique = defineJob({ type: "step.unique", unique: {} });
  expect(() => jobs.flow("")).toThrow("the name of a flow");
  expect(() => jobs.flow("a", { onDead: "halt" as never })).toThrow('"continue" or "stop"');
  expect(() => jobs.flow("a", { id: "x" })).toThrow('write ["x"] to derive one');
  expect(() => flow.add(step, "a", { after: other })).toThrow("what add of the same flow returned");
  expect(() => flow.add(unique, 1)).toThrow("is unique");
  expect(() => flow.add(step, "a", { delay: "1s" } as never)).toThrow('have no "delay"');
  expect(() => flow.addFlow(flow)).toThrow("part of a flow");
  await expect(jobs.flow("empty").start()).rejects.toThrow("has no members");
  flow.add(step, 7 as never);
  await expect(flow.start()).rejects.toMatchObject({ code: "PAYLOAD_INVALID" });
  const large = jobs.flow("large");
  large.add(step, "x".repeat(61_000));
  await expect(large.start()).rejects.toThrow("a member of a flow may have 60000");
  await expect(jobs.flows.list({ limit: 0 })).rejects.toThrow("from 1 to 1,000");
  expect((await jobs.flows.list()).flows).toEqual([]);
});
