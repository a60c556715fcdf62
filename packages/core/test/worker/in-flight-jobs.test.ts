import { expect, test } from "vitest";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { lease } from "../helpers/lease.ts";

const counts = ({ size, leased, running, settling }: InFlightJobs): object => ({ size, leased, running, settling });

test("a job is leased, running, settling and settled, and counted in one of the first three", () => {
  const inFlight = new InFlightJobs();
  const job = inFlight.add(lease);
  expect([job.state, counts(inFlight)]).toEqual(["leased", { size: 1, leased: 1, running: 0, settling: 0 }]);
  inFlight.start(job);
  expect([job.state, counts(inFlight)]).toEqual(["running", { size: 1, leased: 0, running: 1, settling: 0 }]);
  inFlight.settle(job);
  expect([job.state, counts(inFlight)]).toEqual(["settling", { size: 1, leased: 0, running: 0, settling: 1 }]);
  inFlight.remove(job);
  expect([job.state, counts(inFlight)]).toEqual(["settled", { size: 0, leased: 0, running: 0, settling: 0 }]);
  expect([...inFlight]).toEqual([]);
});

test("a job that never runs goes from leased to settling", () => {
  const inFlight = new InFlightJobs();
  const [first, second] = [inFlight.add(lease), inFlight.add(lease)];
  inFlight.settle(second);
  expect(counts(inFlight)).toEqual({ size: 2, leased: 1, running: 0, settling: 1 });
  expect(inFlight.allLeased(() => true)).toEqual([first]);
  expect([...inFlight]).toEqual([first, second]);
});

test("a step that a job's state does not allow throws and changes nothing", () => {
  const inFlight = new InFlightJobs();
  const job = inFlight.add(lease);
  expect(() => inFlight.remove(job)).toThrow('job "id" is leased: it cannot be removed');
  inFlight.start(job);
  expect(() => inFlight.start(job)).toThrow('job "id" is running: it cannot be started');
  inFlight.settle(job);
  expect(() => inFlight.settle(job)).toThrow('job "id" is settling: it cannot be settled');
  inFlight.remove(job);
  expect(() => inFlight.remove(job)).toThrow('job "id" is settled: it cannot be removed');
  expect(counts(inFlight)).toEqual({ size: 0, leased: 0, running: 0, settling: 0 });
});

test("leased jobs are found by queue in the order in which they arrived", () => {
  const inFlight = new InFlightJobs();
  const add = (queue: string) => inFlight.add({ ...lease, queue });
  const [one, two, other] = [add("a"), add("a"), add("b")];
  expect(inFlight.firstLeased("a", () => true)).toBe(one);
  expect(inFlight.firstLeased("a", (job) => job !== one)).toBe(two);
  expect(inFlight.firstLeased("c", () => true)).toBeNull();
  inFlight.start(one);
  expect(inFlight.firstLeased("a", () => true)).toBe(two);
  expect(inFlight.allLeased((job) => job !== two)).toEqual([other]);
});

test("counted types are counted, leased by queue and running; others are not", () => {
  const inFlight = new InFlightJobs(["resize"]);
  const add = (type: string, queue: string) => inFlight.add({ ...lease, type, queue });
  const first = add("resize", "a");
  const second = add("resize", "b");
  inFlight.start(add("other", "a"));
  expect([inFlight.leasedOf("resize"), inFlight.leasedOf("resize", "a"), inFlight.runningOf("resize")]).toEqual([
    2, 1, 0,
  ]);
  inFlight.start(first);
  inFlight.settle(second);
  expect([inFlight.leasedOf("resize"), inFlight.leasedOf("resize", "a"), inFlight.runningOf("resize")]).toEqual([
    0, 0, 1,
  ]);
  inFlight.settle(first);
  expect([inFlight.runningOf("resize"), inFlight.runningOf("other"), inFlight.leasedOf("other")]).toEqual([0, 0, 0]);
});

test("each change calls the listeners, until they unsubscribe", () => {
  const inFlight = new InFlightJobs();
  let calls = 0;
  const unsubscribe = inFlight.onChange(() => calls++);
  const job = inFlight.add(lease);
  expect(calls).toBe(1);
  inFlight.start(job);
  expect(calls).toBe(2);
  inFlight.settle(job);
  expect(calls).toBe(3);
  inFlight.remove(job);
  expect(calls).toBe(4);
  unsubscribe();
  inFlight.add(lease);
  expect(calls).toBe(4);
});
