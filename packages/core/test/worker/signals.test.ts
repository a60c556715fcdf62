import { afterEach, expect, test, vi } from "vitest";
import type { ShutdownReport } from "../../src/index.ts";
import { runUntilSignal, type Stoppable } from "../../src/worker/signals.ts";

const report = { worker: "w", reason: "SIGTERM" } as ShutdownReport;
const handlers = (): number => process.listenerCount("SIGTERM") + process.listenerCount("SIGINT");
const before = handlers();
afterEach(() => {
  vi.restoreAllMocks();
  expect(handlers()).toBe(before);
});

function worker(refusal: Error | null = null) {
  const { promise: stopped, resolve: end } = Promise.withResolvers<ShutdownReport>();
  const calls: string[] = [];
  const stoppable: Stoppable = {
    start: async () => void calls.push("start"),
    stop: async (reason) => {
      calls.push(`stop ${reason}`);
      return report;
    },
    stopped,
    refusal: () => refusal,
  };
  const close = async (): Promise<void> => void calls.push("close");
  return { stoppable, calls, close, end: () => end(report) };
}

test("a signal stops the worker, a second one again; then the connection is closed and the report returned", async () => {
  const { stoppable, calls, close, end } = worker();
  const running = runUntilSignal(stoppable, close);
  process.emit("SIGTERM", "SIGTERM");
  process.emit("SIGINT", "SIGINT");
  expect(calls).toEqual(["start", "stop SIGTERM", "stop SIGINT"]);
  end();
  expect(await running).toBe(report);
  expect(calls.at(-1)).toBe("close");
});

test("a third signal ends the process", async () => {
  const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
  const { stoppable, close, end } = worker();
  const running = runUntilSignal(stoppable, close);
  process.emit("SIGTERM", "SIGTERM");
  process.emit("SIGTERM", "SIGTERM");
  expect(exit).not.toHaveBeenCalled();
  process.emit("SIGTERM", "SIGTERM");
  expect(exit).toHaveBeenCalledWith(1);
  end();
  await running;
});

test("a connection that cannot be closed is a warning, and the report is returned", async () => {
  const warning = vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
  const { stoppable, end } = worker();
  end();
  expect(await runUntilSignal(stoppable, () => Promise.reject(new Error("stuck")))).toBe(report);
  expect(warning.mock.calls[0]?.[0]).toMatch(/the connection could not be closed: .*stuck/);
});

test("a worker that has stopped by itself rejects with its reason, after the connection is closed", async () => {
  const { stoppable, calls, close, end } = worker(new Error("no such queue"));
  end();
  await expect(runUntilSignal(stoppable, close)).rejects.toThrow("no such queue");
  expect(calls).toEqual(["start", "close"]);
});
