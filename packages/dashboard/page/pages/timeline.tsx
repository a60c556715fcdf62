import type { JobRecord } from "@waybill/core";
import type { JSX } from "preact";
import { span, timeOfDay } from "../format.ts";
import { Badge, Data, Facts, Panel } from "../ui.tsx";

/** What happened to a job, attempt by attempt. */
export function Timeline({ record: { attempts, progress, logs } }: { readonly record: JobRecord }): JSX.Element {
  return (
    <>
      {progress && (
        <Panel title="Progress">
          <Facts
            of={[
              ["Done", `${progress.done}${progress.total ? ` of ${progress.total}` : ""}`],
              ["Says", <Data value={progress.message ?? "–"} />],
            ]}
          />
          {progress.total ? <progress aria-label="Progress" value={progress.done} max={progress.total} /> : null}
        </Panel>
      )}
      <Panel title="Timeline">
        {attempts.length === 0 && <p class="muted">No attempt has started.</p>}
        <ol class="timeline">
          {attempts.map(({ attempt, worker, task, startedAt, durationMs, outcome, code, message, stack }) => (
            <li
              key={`${attempt} ${startedAt}`}
              class={outcome === "completed" ? "good" : outcome === null ? "accent" : "bad"}
            >
              <p>
                <strong>Attempt {attempt}</strong>{" "}
                <Badge tone={outcome === "completed" ? "good" : code ? "bad" : "quiet"}>
                  <Data value={outcome ?? "running"} />
                </Badge>{" "}
                <span class="muted">
                  {typeof startedAt === "number" ? timeOfDay(startedAt) : ""} · {span(durationMs)} ·{" "}
                  <Data value={worker ?? ""} mono />
                  {task !== undefined && (
                    <>
                      {" "}
                      · task <Data value={task} mono />
                    </>
                  )}
                </span>
              </p>
              {(code || message) && (
                <p>
                  <Data value={[code, message].filter(Boolean).join(": ")} />
                </p>
              )}
              {stack && (
                <details>
                  <summary>Stack</summary>
                  <pre class="code" tabIndex={0} aria-label="Stack">
                    <Data value={stack} mono />
                  </pre>
                </details>
              )}
            </li>
          ))}
        </ol>
      </Panel>
      {logs.length > 0 && (
        <Panel title="Log">
          <ol class="log">
            {logs.map(({ at, text }, index) => (
              <li key={index}>
                <span class="muted num">{timeOfDay(at)}</span> <Data value={text} mono />
              </li>
            ))}
          </ol>
        </Panel>
      )}
    </>
  );
}
