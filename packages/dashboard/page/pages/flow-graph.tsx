import type { JSX } from "preact";
import { linkTo } from "../hooks.ts";
import { Data, State } from "../ui.tsx";

export interface FlowMember {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly after?: readonly string[];
}

const MOST_IN_LAYER = 40;

/** The members by layer: each stands right of everything it waits for. */
export function FlowGraph({
  members,
  connection,
}: {
  readonly members: readonly FlowMember[];
  readonly connection: string;
}): JSX.Element {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div class="graph" tabIndex={0} role="region" aria-label="Members by layer">
      {layersOf(members).map((layer, at) => (
        <ol key={at} class="layer" aria-label={`Layer ${at + 1}`}>
          {layer.slice(0, MOST_IN_LAYER).map(({ id, type, state, after = [] }) => (
            <li key={id}>
              <a href={linkTo(connection, "job", { id })}>
                <Data value={type} />
              </a>{" "}
              <State of={state} />
              {after.length > 0 && (
                <p class="muted small-text">after {after.length === 1 ? "1 job" : `${after.length} jobs`}</p>
              )}
            </li>
          ))}
          {layer.length > MOST_IN_LAYER && <li class="muted">and {layer.length - MOST_IN_LAYER} more</li>}
        </ol>
      ))}
    </div>
  );
}

/** Members that wait for a circle, which no flow has, end in the first layer. */
function layersOf(members: readonly FlowMember[]): FlowMember[][] {
  const depths = new Map(members.map(({ id }) => [id, 0]));
  const open = new Map(members.map(({ id, after = [] }) => [id, after.filter((one) => depths.has(one)).length]));
  const followers = new Map<string, string[]>();
  for (const { id, after = [] } of members)
    for (const one of after) followers.set(one, [...(followers.get(one) ?? []), id]);
  const ended = members.filter(({ id }) => open.get(id) === 0).map(({ id }) => id);
  for (const id of ended) {
    for (const follower of followers.get(id) ?? []) {
      depths.set(follower, Math.max(depths.get(follower) ?? 0, (depths.get(id) ?? 0) + 1));
      const left = (open.get(follower) ?? 1) - 1;
      open.set(follower, left);
      if (left === 0) ended.push(follower);
    }
  }
  const layers: FlowMember[][] = [];
  for (const member of members) (layers[depths.get(member.id) ?? 0] ??= []).push(member);
  return layers.filter(Boolean);
}
