/** Which jobs the pages of a list had. BullMQ keeps jobs by where they are, so one that moves may come twice. */
export interface Seen {
  /** Whether a page before this one had the job. */
  has(list: string, page: number, id: string): boolean;
  /** The ids of a page. A page that is read again replaces what it had. */
  add(list: string, page: number, ids: readonly string[]): void;
  /** Whether every page before this one is remembered. */
  isComplete(list: string, page: number): boolean;
}

const MOST_LISTS = 8;
/** Of each list. About 20 MB for all of them together. */
const MOST_IDS = 25_000;

/** Remembers the last lists of this process. */
export function createSeen(): Seen {
  const lists = new Map<string, Map<string, number>>();

  return {
    has: (list, page, id) => (lists.get(list)?.get(id) ?? Infinity) < page,
    add(list, page, ids) {
      const pages = lists.get(list) ?? new Map<string, number>();
      lists.delete(list);
      if (page > 0 && pages.size === 0) return;
      lists.set(list, pages);
      for (const id of ids) pages.set(id, Math.min(page, pages.get(id) ?? Infinity));
      if (pages.size > MOST_IDS) lists.delete(list);
      const [oldest] = lists.keys();
      if (lists.size > MOST_LISTS && oldest !== undefined) lists.delete(oldest);
    },
    isComplete: (list, page) => page === 0 || lists.has(list),
  };
}
