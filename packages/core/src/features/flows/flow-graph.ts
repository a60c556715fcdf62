import type { FlowMember, FlowWhen } from "../../job/flow-types.ts";
import type { BuiltFlow, Item, Node } from "./flow-builder.ts";
import { memberKey } from "./flow-keys.ts";

/** A member with its place in the whole flow. */
export interface Placed {
  readonly key: string;
  readonly node: Node;
  /** The keys of those that it comes after. */
  readonly after: readonly string[];
  readonly when: FlowWhen;
  /** The keys of those that come after it. Empty: it is one of the last. */
  readonly next: string[];
}

/** Returns all members of a flow and of the flows in it, in the order in which they were added. */
export function placedMembers(flow: BuiltFlow): readonly Placed[] {
  const placed: Placed[] = [];
  /** The members that a handle stands for: itself, or the last ones of a flow. */
  const keysOf = new Map<FlowMember, readonly string[]>();
  const byKey = new Map<string, Placed>();

  function place(items: readonly Item[], entry: readonly string[], entryWhen: FlowWhen): void {
    for (const item of items) {
      const own = [...new Set(item.after.flatMap((handle) => keysOf.get(handle) ?? []))];
      const isFirst = own.length === 0;
      const after = isFirst ? entry : own;
      const when = isFirst && entry.length > 0 ? entryWhen : item.when;
      if ("inner" in item) {
        const from = placed.length;
        place(item.inner.items, after, when);
        const within = placed.slice(from);
        const keys = new Set(within.map(({ key }) => key));
        const last = within.filter(({ next }) => !next.some((key) => keys.has(key)));
        // A flow without members stands for what it comes after.
        keysOf.set(item.handle, within.length === 0 ? after : last.map(({ key }) => key));
        continue;
      }
      const key = memberKey(placed.length);
      const one: Placed = { key, node: item, after, when, next: [] };
      placed.push(one);
      byKey.set(key, one);
      keysOf.set(item.handle, [key]);
      for (const before of after) byKey.get(before)?.next.push(key);
    }
  }

  place(flow.items, [], "completed");
  return placed;
}
