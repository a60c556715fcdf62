import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DeadLetter, defineJob, type Telemetry } from "../../src/index.ts";
import { telemetry } from "../../src/observability/otel/index.ts";
import { connected } from "../helpers/connected.ts";
import { runAll } from "./traced.ts";

describe("telemetry that is broken harms no job", () => {
  const broken = (): never => {
    throw new Error("telemetry is down");
  };
  const brokenProvider = (when: "onStart" | "onEnd"): BasicTracerProvider => {
    const processor = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} };
    return new BasicTracerProvider({ spanProcessors: [{ ...processor, [when]: broken }] });
  };
  const idle = { trace: null, end() {}, within: <T>(work: () => T) => work() };
  const whole: Telemetry = { send: () => idle, process: () => idle, settled() {} };
  test.each<[string, Telemetry]>([
    ["at the send", { ...whole, send: broken }],
    ["at the end of the send", { ...whole, send: () => ({ ...idle, end: broken }) }],
    ["at the start of the run", { ...whole, process: broken }],
    ["before the handler", { ...whole, process: () => ({ ...idle, within: broken }) }],
    [
      "after the handler",
      {
        ...whole,
        process: () => ({
          ...idle,
          within(work) {
            work();
            return broken();
          },
        }),
      },
    ],
    ["at the end of the run", { ...whole, process: () => ({ ...idle, end: broken }) }],
    ["at the settle", { ...whole, settled: broken }],
    ["in a processor, at each span's start", telemetry({ tracerProvider: brokenProvider("onStart") })],
    ["in a processor, at each span's end", telemetry({ tracerProvider: brokenProvider("onEnd") })],
  ])("where it throws %s, told once", async (_, given) => {
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    onTestFinished(() => void warn.mockRestore());
    const jobs = await connected("memory:", { telemetry: given });
    let runs = 0;
    const counting = defineJob({ type: "counting", handler: () => void (runs += 1) });
    const failing = defineJob({
      type: "failing",
      handler() {
        throw new DeadLetter("as ever");
      },
    });
    const outcomes: string[] = [];
    jobs.events.on("settled", ({ outcome }) => outcomes.push(outcome));
    await jobs.enqueue(counting, {});
    await jobs.enqueue(counting, {});
    await jobs.enqueue(failing, {});
    await runAll(jobs, [counting, failing], 3);
    expect(runs).toBe(2);
    expect(outcomes.sort()).toEqual(["completed", "completed", "dead"]);
    expect(warn.mock.calls).toEqual([
      ["telemetry threw: Error: telemetry is down; jobs go on without it", "WaybillWarning"],
    ]);
  });
});
