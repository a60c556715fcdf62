import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { linkTo } from "../hooks.ts";

interface Props {
  readonly connection: string;
  readonly page: string;
  readonly query: URLSearchParams;
  readonly canSearch: boolean;
}

const STATES = [
  ["", "Any state"],
  ["ready", "Ready"],
  ["leased", "Running"],
  ["delayed", "Delayed"],
  ["waiting", "Blocked by a limit"],
  ["dead", "Dead"],
] as const;

/** Of jobs that are gone from their queue. */
export const ENDED_STATES = [
  ["completed", "Completed"],
  ["cancelled", "Cancelled"],
  ["discarded", "Discarded"],
] as const;

/** The filters of jobs. They are in the address, so that a list can be sent to a colleague. */
export function Filters({ connection, page, query, canSearch }: Props): JSX.Element {
  const [draft, setDraft] = useState(() => Object.fromEntries(query));
  useEffect(() => setDraft(Object.fromEntries(query)), [query.toString()]);
  const go = (next: Readonly<Record<string, string>>): void => {
    location.hash = linkTo(connection, page, next);
  };
  useEffect(() => {
    if (JSON.stringify(draft) === JSON.stringify(Object.fromEntries(query))) return undefined;
    const timer = setTimeout(() => go(draft), 350);
    return () => clearTimeout(timer);
  }, [JSON.stringify(draft)]);
  const field = (name: string, label: string): JSX.Element => (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      autocomplete="off"
      spellcheck={false}
      value={draft[name] ?? ""}
      onInput={({ currentTarget }) => setDraft({ ...draft, [name]: currentTarget.value })}
    />
  );
  return (
    <form
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        go(draft);
      }}
    >
      {canSearch && field("text", "Text in the payload")}
      <select
        aria-label="State"
        value={draft["state"] ?? ""}
        onChange={({ currentTarget }) => go({ ...draft, state: currentTarget.value })}
      >
        {[...STATES, ...ENDED_STATES].map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      {field("type", "Type")}
      {field("queue", "Queue")}
      {field("tenant", "Tenant")}
      {query.size > 0 && (
        <button type="button" class="button small link" onClick={() => go({})}>
          Clear
        </button>
      )}
    </form>
  );
}
