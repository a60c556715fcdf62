import type { EventBus } from "../events.ts";

/** The value of a label that stands for all values it does not show. */
export const OTHER = "other";

/** Most distinct values of one label of one metric. Any further one is `other`. */
export const MOST_VALUES = 200;
/** UTF-16 units; a longer value is `other`. Names of queues and types are at most 255. */
const LONGEST = 255;

/**
 * Limits the values of one label: the first `MOST_VALUES` are shown, any other as `other`. Producers choose types and handlers
 * choose error codes; neither must determine the size of a scrape.
 */
export class LabelValues {
  readonly #seen = new Set<string>();

  shown(value: string): string {
    if (this.#seen.has(value)) return value;
    if (this.#seen.size >= MOST_VALUES || value.length > LONGEST) return OTHER;
    this.#seen.add(value);
    return value;
  }
}

/** Shows the types that this program registered or enqueued by a definition, and `named`. Any other is `other`. */
export function typeLabels(events: EventBus, named: readonly string[]): (type: string) => string {
  const values = new LabelValues();
  const extra = new Set(named);
  return (type) => (events.types.has(type) || extra.has(type) ? values.shown(type) : OTHER);
}
