import { expect, test } from "vitest";
import {
  cancelKey,
  cancelValue,
  pauseKey,
  type PauseTarget,
  pauseValue,
} from "../../src/features/control/control-records.ts";
import { EventBus, type Outcome } from "../../src/index.ts";
import { createLedger } from "../../src/memory/ledger.ts";
import { InFlightJobs } from "../../src/worker/in-flight-jobs.ts";
import { applyControl, createWorkerControl } from "../../src/worker/worker-control.ts";
import { lease } from "../helpers/lease.ts";

/** What a worker of the queue "default" knows of its ledger, read anew whenever the test says so. */
function controlOf() {
  const events = new EventBus();
  const seen: unknown[] = [];
  for (const name of ["paused", "resumed", "control_unread"] as const)
    events.on(name, ({ at: _at, ...event }) => void seen.push([name, event]));
  let version = 0;
  let failure: Error | null = null;
  const ledger = createLedger(() => ++version);
  const failing = {
    ...ledger,
    list: (range: never) => (failure === null ? ledger.list(range) : Promise.reject(failure)),
  };
  const settings = { events, worker: "w", queues: ["default"], heartbeatMs: 60_000, jobControl: null };
  const control = createWorkerControl({ ...settings, ledger: failing as typeof ledger });
  if (control === null) throw new Error("there is a ledger");
  const read = async (): Promise<void> => {
    control.wake();
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const pause = (target: PauseTarget, isPaused = true): Promise<unknown> =>
    ledger.commit([{ key: pauseKey(target), ifVersion: "any", value: isPaused ? pauseValue(target, 1) : null }]);
  const cancel = (id: string): Promise<unknown> =>
    ledger.commit([{ key: cancelKey(id), ifVersion: "any", value: cancelValue(id, Date.now(), null) }]);
  return { control, seen, read, pause, cancel, fail: (error: Error | null) => void (failure = error) };
}

test("a worker reports pauses of its own queues and of types, and no other worker's queues", async () => {
  const { control, seen, read, pause } = controlOf();
  await pause({ queue: "mailers" });
  await pause({ queue: "default" });
  await pause({ type: "mail.send" });
  await read();
  expect(seen).toEqual([
    ["paused", { worker: "w", queue: "default" }],
    ["paused", { worker: "w", type: "mail.send" }],
  ]);
  await pause({ queue: "mailers" }, false);
  await pause({ queue: "default" }, false);
  await read();
  expect(seen.slice(2)).toEqual([["resumed", { worker: "w", queue: "default" }]]);
  control.end();
});

test("a ledger that cannot be read several times in a row is reported once, and again after a success in between", async () => {
  const { control, seen, read, fail } = controlOf();
  fail(new Error("away"));
  await read();
  await read();
  expect(seen).toEqual([["control_unread", { worker: "w", message: "away" }]]);
  fail(null);
  await read();
  fail(new Error("away again"));
  await read();
  expect(seen.slice(1)).toEqual([["control_unread", { worker: "w", message: "away again" }]]);
  control.end();
});

test("after a change, leased jobs that are paused are released, running jobs that are cancelled are aborted, others go on", async () => {
  const { control, read, pause, cancel } = controlOf();
  const inFlight = new InFlightJobs();
  const released: [string, string][] = [];
  const release = ({ id }: { id: string }, outcome: Outcome): void =>
    void released.push([id, outcome.kind === "completed" ? "" : outcome.reason.code]);
  applyControl(control, inFlight, { run: () => {}, release }, { abortMs: 10 });
  const add = (id: string, type = "mail.send") => inFlight.add({ ...lease, id, type });
  const [, , running, cancelled, settling] = [add("1"), add("2", "other"), add("3"), add("4"), add("5")];
  for (const job of [running, cancelled, settling]) inFlight.start(job);
  inFlight.settle(settling);
  const aborted = cancelled.handle.run(
    () => new Promise(() => {}),
    60_000,
    () => new Error("late") as never,
  );
  await pause({ type: "mail.send" });
  await cancel("4");
  await cancel("5");
  await read();
  expect(released).toEqual([["1", "PAUSED"]]);
  expect(cancelled.handle.signal.reason).toMatchObject({ code: "JOB_CANCELLED" });
  expect([running.handle.reason, settling.handle.reason]).toEqual([null, null]);
  // A handler that is unresponsive to its abort loses its slot after the limit for aborts.
  await expect(aborted).rejects.toMatchObject({ code: "JOB_CANCELLED" });
  control.end();
});

test("without a ledger there is nothing to know", () => {
  const settings = { events: new EventBus(), worker: "w", queues: ["default"], heartbeatMs: 100, jobControl: null };
  expect(createWorkerControl({ ...settings, ledger: null })).toBeNull();
});
