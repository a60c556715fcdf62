import type { DeadLetterQuery, Inspector } from "../../backend/inspector.ts";
import type { Recorder } from "./recorder.ts";

/** With more, the records of the others say what became of them once they run. */
const MOST = 1_000;

/**
 * Returns an inspector whose replays and drops are recorded, of the first 1,000 dead letters of a call. `canLook`: whether dead letters
 * can be listed without hiding them from the call that follows; otherwise only calls by `ids` that find all of them are recorded.
 */
export function recordedLetters(
  inspector: Inspector,
  recorder: Pick<Recorder, "replayed" | "dropped">,
  canLook: boolean,
): Inspector {
  async function idsOf(query: DeadLetterQuery): Promise<string[]> {
    if (!canLook) return [...new Set(query.ids)];
    const found = await inspector.deadLetters({ ...query, limit: Math.min(query.limit ?? 100, MOST) });
    return found.map(({ id }) => id);
  }

  async function taken(
    query: DeadLetterQuery,
    take: (query: DeadLetterQuery) => Promise<number>,
    record: (id: string) => void,
  ): Promise<number> {
    const ids = await idsOf(query);
    const count = await take(query);
    let left: ReadonlySet<string> = new Set(count < ids.length ? ids : []);
    if (canLook && count > 0 && left.size > 0) {
      const letters = await inspector.deadLetters({ ids, limit: Infinity });
      left = new Set(letters.map(({ id }) => id));
    }
    for (const id of ids) if (!left.has(id)) record(id);
    return count;
  }

  return {
    ...inspector,
    replay: async (query = {}) => taken(query, inspector.replay, recorder.replayed),
    drop: async (query = {}) => taken(query, inspector.drop, recorder.dropped),
  };
}
