import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { DeadGroup } from "../../src/api/dead-groups.ts";
import { type Action, useActions } from "../actions.tsx";
import { get } from "../api.ts";
import { NotHere, type PageProps } from "../app.tsx";
import { count } from "../format.ts";
import { linkTo, useLoaded } from "../hooks.ts";
import { Ago, Badge, Button, Data, Empty, Skeleton } from "../ui.tsx";

interface Dead {
  readonly groups: readonly DeadGroup[];
  readonly seen: number;
  readonly isCut: boolean;
  /** Unix milliseconds: when the server read them. */
  readonly asOf: number;
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
          <Group
            key={group.key}
            group={group}
            connection={connection.name}
            before={value.isCut ? value.asOf : null}
            onDone={reload}
          />
        ))}
      </div>
    </>
  );
}

interface GroupProps {
  readonly group: DeadGroup;
  readonly connection: string;
  /** The group may have more than is listed: those that died before this time. Null: it is whole. */
  readonly before: number | null;
  readonly onDone: () => void;
}

const SHOWN_IDS = 20;

function Group({ group, connection, before, onDone }: GroupProps): JSX.Element {
  const { readOnly, act } = useActions();
  const [isOpen, setOpen] = useState(false);
  const { code, message, type, queue, newest, damaged } = group;
  const many = group.count === 1 && before === null ? "1 job" : `${count(group.count)}${before ? " or more" : ""} jobs`;
  const more = before === null ? undefined : (): Promise<readonly string[]> => olderOf(connection, group, before);
  return (
    <article class="panel group">
      <div class="group-count num">{count(group.count)}</div>
      <div class="group-text">
        <h2>
          <Data value={type} />{" "}
          <Badge tone="bad">
            <Data value={code} />
          </Badge>
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
              onClick={() => act({ ...replayOf(group.ids, many, onDone), more })}
            >
              Replay
            </Button>
            <Button
              small
              tone="danger"
              label={`Drop ${many} of ${type}`}
              onClick={() => act({ ...dropOf(group.ids, many, onDone), more })}
            >
              Drop
            </Button>
          </>
        )}
      </div>
    </article>
  );
}

/** Reads further dead letters of a group. Those that died again meanwhile are not among them, or this would never end. */
async function olderOf(
  connection: string,
  { key, code, type, queue }: DeadGroup,
  before: number,
): Promise<readonly string[]> {
  const found = await get<Dead>(`${connection}/dead`, { code, type, queue, before, limit: 5_000 });
  return found.groups.find((group) => group.key === key)?.ids ?? [];
}

const replayOf = (ids: readonly string[], many: string, onDone: () => void): Action => ({
  path: "dead/replay",
  body: {},
  ids,
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
  body: {},
  ids,
  ask: {
    title: `Drop ${many}?`,
    text: `${many === "1 job" ? "It is" : "They are"} deleted. This cannot be undone.`,
    yes: many === "1 job" ? "Drop it" : "Drop them",
    isDangerous: true,
  },
  done: ({ dropped }) => `${count(Number(dropped))} dropped`,
  onDone,
});
