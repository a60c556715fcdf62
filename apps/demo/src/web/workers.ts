/** A worker process as the page shows it. */
export interface WorkerView {
  readonly pid: number;
  readonly isUp: boolean;
  /** Unix milliseconds of the last change of `isUp`. */
  readonly since: number;
}

/** Tracks which workers run: by their posts, and by the launcher, which sees a worker die. */
export interface Workers {
  heard(pid: number, now: number): void;
  exited(pid: number, now: number): void;
  /** Marks workers that have not posted for `SILENT_MS` as gone. Returns their process ids. */
  silent(now: number): number[];
  /** The running workers and the last one that died. */
  views(): WorkerView[];
}

/** Four missed heartbeats. */
const SILENT_MS = 6_000;

export function createWorkers(): Workers {
  const seenAt = new Map<number, number>();
  const views = new Map<number, WorkerView>();

  function exited(pid: number, now: number): void {
    seenAt.delete(pid);
    for (const [other, view] of views) if (!view.isUp) views.delete(other);
    views.set(pid, { pid, isUp: false, since: now });
  }

  return {
    heard(pid, now) {
      seenAt.set(pid, now);
      if (views.get(pid)?.isUp !== true) views.set(pid, { pid, isUp: true, since: now });
    },
    exited,
    silent(now) {
      const gone = [...seenAt].filter(([, seen]) => now - seen > SILENT_MS).map(([pid]) => pid);
      for (const pid of gone) exited(pid, now);
      return gone;
    },
    views: () => [...views.values()],
  };
}
