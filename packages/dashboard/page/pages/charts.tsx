import type { HistoryPoint } from "@waybill/core";
import type { JSX } from "preact";
import type { HistoryView } from "../../src/live/history.ts";
import { Chart, COUNT_STEPS, type Series, TIME_STEPS } from "../chart.tsx";
import { percent, short, span, time } from "../format.ts";
import { Panel } from "../ui.tsx";

const MINUTE_MS = 60_000;
const COLOURS = ["--accent", "--warn", "--good", "--bad"] as const;

/** What happened in the last hour or day, by minute. */
export function Charts({ history, minutes }: { readonly history: HistoryView; readonly minutes: number }): JSX.Element {
  const { points, queues, stepMs } = history;
  const times = points.map(({ at }) => at);
  const of = (name: keyof HistoryPoint): (number | null)[] => points.map((point) => point[name]);
  // The step that runs has not seen all its jobs: it would look like a fall.
  const perMinute = (value: number, at: number): number | null =>
    at > 0 && at === points.length - 1 ? null : value / (stepMs / MINUTE_MS);
  const to = (times.at(-1) ?? Date.now()) + stepMs;
  const common = { times, from: to - minutes * MINUTE_MS, to };
  const counts = { ...common, unit: short, steps: COUNT_STEPS };
  const durations = { ...common, unit: span, steps: TIME_STEPS };
  const latest = points.at(-1);
  const backlog: Series[] =
    queues.length > 1
      ? queues.map(({ queue, ready }, at) => ({ name: queue, colour: COLOURS[at] ?? "--quiet", values: ready }))
      : [{ name: "Waiting", colour: "--accent", values: of("ready"), isFilled: true }];
  return (
    <>
      <p class="muted lead">{keptText(history, common.from)}</p>
      <div class="charts">
        <Panel title="Throughput" aside={<span class="muted">jobs a minute</span>}>
          <Chart
            {...counts}
            label={`Throughput: ${latest?.completed ?? 0} completed in the last minute`}
            series={[
              {
                name: "Completed",
                colour: "--accent",
                values: points.map(({ completed }, at) => perMinute(completed, at)),
                isFilled: true,
              },
              {
                name: "Failed",
                colour: "--bad",
                values: points.map(({ retried, dead }, at) => perMinute(retried + dead, at)),
              },
            ]}
          />
        </Panel>
        <Panel title="Failure rate" aside={<span class="muted">of attempts</span>}>
          <Chart
            {...counts}
            unit={percent}
            label={`Failure rate: ${percent((latest && rateOf(latest)) ?? 0)} in the last minute`}
            series={[{ name: "Failed", colour: "--bad", values: points.map(rateOf), isFilled: true }]}
          />
        </Panel>
        <Panel title="Run time" aside={<span class="muted">of one attempt</span>}>
          <Chart
            {...durations}
            label={`Run time: half of the attempts took at most ${span(latest?.p50Ms)}`}
            series={[
              { name: "p50", colour: "--accent", values: of("p50Ms") },
              { name: "p95", colour: "--warn", values: of("p95Ms") },
              { name: "p99", colour: "--quiet", values: of("p99Ms") },
            ]}
          />
        </Panel>
        <Panel title="Backlog" aside={<span class="muted">jobs that wait</span>}>
          <Chart {...counts} label={`Backlog: ${latest?.ready ?? "unknown"} jobs wait`} series={backlog} />
        </Panel>
        <Panel title="Oldest wait" aside={<span class="muted">of a ready job</span>}>
          <Chart
            {...durations}
            label={`Oldest wait: ${span(latest?.oldestWaitMs)}`}
            series={[{ name: "Oldest", colour: "--accent", values: of("oldestWaitMs"), isFilled: true }]}
          />
        </Panel>
      </div>
    </>
  );
}

/** In percent; null where no attempt ended. */
function rateOf({ completed, retried, dead }: HistoryPoint): number | null {
  const failed = retried + dead;
  return completed + failed === 0 ? null : (failed / (completed + failed)) * 100;
}

function keptText({ kept, since }: HistoryView, from: number): string {
  if (kept === "process")
    return `The charts begin with this process, ${time(since)}, and show the workers of its connection: the backend has no ledger to keep them in.`;
  return since > from
    ? `The charts count the workers of every process, since ${time(since)}.`
    : "The charts count the workers of every process.";
}
