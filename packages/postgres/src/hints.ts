/**
 * Notifications are hints: a lost one costs a worker one tick. Each commit with one takes a lock that all of the
 * server's notifying commits share, so under load a queue is named at most once in a while.
 */
export interface Hints {
  /** Whether a statement about to be sent should name the queue; if not, one soon will. */
  due(queue: string): boolean;
  close(): void;
}

/** Between two hints of one process about one queue. */
const PAUSE_MS = 10;

/** `send` tells of queues in a statement of its own. */
export function createHints(send: (queues: readonly string[]) => void): Hints {
  const given = new Set<string>();
  const owed = new Set<string>();
  let timer: NodeJS.Timeout | null = null;

  function ring(): void {
    timer = null;
    given.clear();
    if (owed.size === 0) return;
    const queues = [...owed];
    owed.clear();
    for (const queue of queues) given.add(queue);
    timer = setTimeout(ring, PAUSE_MS);
    send(queues);
  }

  return {
    due(queue) {
      if (given.has(queue)) {
        owed.add(queue);
        return false;
      }
      given.add(queue);
      timer ??= setTimeout(ring, PAUSE_MS);
      return true;
    },
    close() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
