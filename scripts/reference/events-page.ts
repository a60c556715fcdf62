import { readFileSync } from "node:fs";
import { sources } from "../../test/workspace.ts";

const CORE = "packages/core/src";
const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const bodies = new Map<string, { readonly base: string | undefined; readonly body: string }>();
for (const path of sources(CORE)) {
  const found = text(path).matchAll(
    /^export (?:interface|type) (\w+)(?: extends (\w+))?(?: =)? \{([\s\S]*?)\};?$(?=\n(?! ))/gm,
  );
  for (const [, name = "", base, body = ""] of found) bodies.set(name, { base, body });
}

const membersIn = (body: string): string[] =>
  [...body.matchAll(/readonly (\w+)(\?)?:/g)].map(([, name = "", optional]) => `${name}${optional ?? ""}`);

/** The members of a named type with those of the types that it extends. */
function membersOf(name: string): string[] {
  const known = bodies.get(name);
  if (known === undefined) return [];
  return [...(known.base === undefined ? [] : membersOf(known.base)), ...membersIn(known.body)];
}

/** The members of an event's type: names of types joined by &, and members that are written out. */
function membersOfEvent(type: string): string[] {
  const named = type.replaceAll(/\{[^}]*\}/g, "").match(/\w+/g) ?? [];
  return [...new Set([...named.flatMap(membersOf), ...membersIn(type)])];
}

interface Event {
  readonly name: string;
  readonly when: string;
  readonly members: readonly string[];
}

/** The events in the order of the sources. */
export function events(): Event[] {
  const [, body = ""] =
    /^export interface WaybillEvents \{\n([\s\S]*?)^\}/m.exec(text(`${CORE}/observability/events.ts`)) ?? [];
  return [...body.matchAll(/^ {2}\/\*\*([\s\S]*?)\*\/\n {2}(\w+): ([\s\S]*?);$/gm)].map(
    ([, comment = "", name = "", type = ""]) => ({
      name,
      when: comment
        .replaceAll(/\n\s*\* ?/g, " ")
        .replaceAll(/\s+/g, " ")
        .trim(),
      members: membersOfEvent(type),
    }),
  );
}

/** Returns docs/events.md: every event with when it is emitted and its members. */
export function eventsPage(): string {
  const rows = events().map(
    ({ name, when, members }) =>
      `| \`${name}\` | ${when.replaceAll("|", "\\|")} | ${members.map((one) => `\`${one}\``).join(", ")} |\n`,
  );
  return `# Events

<!-- Made by scripts/generate-reference-pages.ts from the sources; \`npm run check\` says when it is out of date. -->

\`jobs.events.on(name, listener)\` subscribes, and returns a function that unsubscribes. Listeners run synchronously, in order; an error that one throws becomes a
process warning. Each event has \`at\` as well, in Unix milliseconds, and is a line of [the log](../packages/core/README.md#options). A member with a question mark may
be absent. Their types are in [the API](api.md).

Count \`settled\`, not \`finished\`: only its outcome is stored. [Metrics](metrics.md) are counted from these events.

| Event | When | Members |
|---|---|---|
${rows.join("")}`;
}
