import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DeadGroup } from "../../src/api/dead-groups.ts";
import { type Action, useActions } from "../actions.tsx";
import { NotHere, type PageProps } from "../app.tsx";
import { count } from "../format.ts";
import { linkTo, useLoaded } from "../hooks.ts";
import { Ago, Badge, Button, Data, Empty, Skeleton } from "../ui.tsx";

interface Dead {
  readonly groups: readonly DeadGroup[];
  readonly seen: number;
  readonly isCut: boolean;
}

export function DeadPage({ connection, query }: PageProps): JSX.Element {
  const filter = Object.fromEntries(query);
  const { value, error, reload } = useLoaded<Dead>(`${connection.name}/dead`, filter);
  return (
    <>
      <header class="head">
        <h1>Dead letters</h1>
        {query.size > 0 && <a href={linkTo(connection.name, "dead")}>Show all</a>}
      </header>
      {error && <NotHere error={error} what="dead letters" />}
      {!error && value === null && <Skeleton />}
      {value?.groups.length === 0 && (
        <Empty title="No dead letters">A job that fails for good is kept here until you replay or drop it.</Empty>
      )}
      {value && value.groups.length > 0 && (
        <p class="muted lead">
          {value.isCut ? `The newest ${count(value.seen)}` : count(value.seen)} in {count(value.groups.length)}{" "}
          {value.groups.length === 1 ? "group" : "groups"}, by code, type and message.
        </p>
      )}
      <div class="groups">
        {value?.groups.map((group) => (
          <Group key={group.key} group={group} connection={connection.name} onDone={reload} />
        ))}
      </div>
    </>
  );
}

interface GroupProps {
  readonly group: DeadGroup;
  readonly connection: string;
  readonly onDone: () => void;
}

const SHOWN_IDS = 20;

function Group({ group, connection, onDone }: GroupProps): JSX.Element {
  const { readOnly, act } = useActions();
  const [isOpen, setOpen] = useState(false);
  const { code, message, type, queue, newest, damaged } = group;
  const many = group.count === 1 ? "1 job" : `${count(group.count)} jobs`;
  return (
    <article class="panel group">
      <div class="group-count num">{count(group.count)}</div>
      <div class="group-text">
        <h2>
          <Data value={type} /> <Badge tone="bad">{code}</Badge>
        </h2>
        <p class="group-message">
          <Data value={message} />
        </p>
        <p class="muted">
          in <Data value={queue === "" ? "(none)" : queue} />, newest <Ago at={newest} />
          {damaged > 0 && `, ${count(damaged)} damaged`}
        </p>
        {isOpen && (
          <ul class="ids">
            {group.ids.slice(0, SHOWN_IDS).map((id) => (
              <li key={id}>
                <a href={linkTo(connection, "job", { id })}>
                  <Data value={id} mono />
                </a>
              </li>
            ))}
            {group.ids.length > SHOWN_IDS && (
              <li>
                <a href={linkTo(connection, "jobs", { state: "dead", type })}>all dead jobs of this type</a>
              </li>
            )}
          </ul>
        )}
      </div>
      <div class="buttons">
        <Button small label={`${isOpen ? "Hide" : "Show"} jobs of ${type}`} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide jobs" : "Show jobs"}
        </Button>
        {!readOnly && (
          <>
            <Button
              small
              tone="primary"
              label={`Replay ${many} of ${type}`}
              onClick={() => act(replayOf(group.ids, many, onDone))}
            >
              Replay
            </Button>
            <Button
              small
              tone="danger"
              label={`Drop ${many} of ${type}`}
              onClick={() => act(dropOf(group.ids, many, onDone))}
            >
              Drop
            </Button>
          </>
        )}
      </div>
    </article>
  );
}

const portion = (ids: readonly string[]): readonly string[] => ids.slice(0, 1_000);

const replayOf = (ids: readonly string[], many: string, onDone: () => void): Action => ({
  path: "dead/replay",
  body: { ids: portion(ids) },
  ask: {
    title: `Replay ${many}?`,
    text: "Each runs again as a first attempt, as soon as a worker is free.",
    yes: "Replay",
  },
  done: ({ replayed }) => `${count(Number(replayed))} replayed`,
  onDone,
});

const dropOf = (ids: readonly string[], many: string, onDone: () => void): Action => ({
  path: "dead/drop",
  body: { ids: portion(ids) },
  ask: {
    title: `Drop ${many}?`,
    text: "They are deleted. This cannot be undone.",
    yes: "Drop them",
    isDangerous: true,
  },
  done: ({ dropped }) => `${count(Number(dropped))} dropped`,
  onDone,
});
