import type { Timing } from "@waybill/core";
import type { JSX } from "preact";
import type { ScheduleView } from "../../src/api/views.ts";
import { useActions } from "../actions.tsx";
import { NotHere, type PageProps } from "../app.tsx";
import { ago, span, timeIn } from "../format.ts";
import { linkTo, useLoaded } from "../hooks.ts";
import { Ago, Badge, Button, Data, Empty, Skeleton } from "../ui.tsx";

export function SchedulesPage({ connection }: PageProps): JSX.Element {
  const { value, error, reload } = useLoaded<readonly ScheduleView[]>(`${connection.name}/schedules`);
  return (
    <>
      <header class="head">
        <h1>Schedules</h1>
      </header>
      {error && <NotHere error={error} what="schedules" />}
      {!error && value === null && <Skeleton />}
      {value?.length === 0 && (
        <Empty title="No schedules">Declare one with defineSchedule on a worker, or put one at run time.</Empty>
      )}
      <div class="groups">
        {value?.map((schedule) => (
          <Line key={schedule.name} schedule={schedule} connection={connection.name} onDone={reload} />
        ))}
      </div>
    </>
  );
}

function timingText(timing: Timing): string {
  if (timing.kind === "cron") return `${timing.cron} in ${timing.timeZone}`;
  return timing.kind === "every" ? `every ${span(timing.ms)}` : `${span(timing.ms)} after the last has ended`;
}

interface LineProps {
  readonly schedule: ScheduleView;
  readonly connection: string;
  readonly onDone: () => void;
}

function Line({ schedule, connection, onDone }: LineProps): JSX.Element {
  const { readOnly, act } = useActions();
  const { name, type, queue, timing, overlap, from, paused, next, last } = schedule;
  const zone = timing.kind === "cron" ? timing.timeZone : undefined;
  const change = (path: string, done: string): void => act({ path: `schedules/${path}`, body: { name }, done, onDone });
  return (
    <article class="panel group schedule">
      <div class="group-text">
        <h2>
          <Data value={name} /> {paused && <Badge tone="warn">paused</Badge>}{" "}
          {from === "orphan" && <Badge tone="bad">not declared any more</Badge>}
        </h2>
        <p class="group-message">
          <Data value={timingText(timing)} mono />
        </p>
        <p class="muted">
          <Data value={type} /> in <Data value={queue} />, overlap <Data value={overlap.replace("_", " ")} />
          {last && (
            <>
              , last run{" "}
              <a href={linkTo(connection, "job", { id: last.id })}>
                <Ago at={last.firedAt} />
              </a>
              {last.endedAt === null ? " and unfinished" : ""}
            </>
          )}
        </p>
      </div>
      <ol class="ticks" aria-label={`Next ticks of ${name}`}>
        {next.length === 0 && <li class="muted">{paused ? "No ticks while paused" : "No tick is due"}</li>}
        {next.map((at, index) => (
          <li key={at} class={index === 0 ? "first" : ""}>
            <span class="num">{timeIn(at, zone)}</span> {index === 0 && <span class="muted">{ago(at)}</span>}
          </li>
        ))}
      </ol>
      {!readOnly && (
        <div class="buttons">
          <Button small label={`Run now: ${name}`} onClick={() => change("run-now", `${name} is enqueued`)}>
            Run now
          </Button>
          {paused ? (
            <Button small label={`Resume ${name}`} onClick={() => change("resume", `${name} is resumed`)}>
              Resume
            </Button>
          ) : (
            <Button small label={`Pause ${name}`} onClick={() => change("pause", `${name} is paused`)}>
              Pause
            </Button>
          )}
          {from !== "code" && (
            <Button
              small
              tone="danger"
              label={`Remove ${name}`}
              onClick={() =>
                act({
                  path: "schedules/remove",
                  body: { name },
                  ask: {
                    title: `Remove ${name}?`,
                    text: "It never ticks again. Jobs that are enqueued still run.",
                    yes: "Remove it",
                    isDangerous: true,
                  },
                  done: `${name} is removed`,
                  onDone,
                })
              }
            >
              Remove
            </Button>
          )}
        </div>
      )}
    </article>
  );
}
