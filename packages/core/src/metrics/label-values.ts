import type { EventBus } from "../events.ts";

/** What a label says instead of a value that it does not show. */
export const OTHER = "other";

/** Distinct values of one label of one metric; the next ones are `other`. */
export const MOST_VALUES = 200;
/** UTF-16 units; a longer value is `other`. Names of queues and types are at most 255. */
const LONGEST = 255;

/**
 * Bounds the values of one label: the first `MOST_VALUES` are shown as they are, any other as `other`. Whoever may choose
 * a value (a producer its types, a handler its error codes) must not choose how large a scrape is.
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
