import type { Ledger } from "../../backend/ledger.ts";
import type { QueueWithoutWorker } from "../../backend/queues-without-worker.ts";
import type { EventBus } from "../../observability/events.ts";
import { monotonicMs, wallMs } from "../../time/clock.ts";
import { ledgerKey } from "../ledger-key.ts";

/** Looks now and then for queues that have jobs and no live worker. */
export interface WorkerCheck {
  /** Looks from now on. Does nothing if it looks already. */
  begin(): void;
  end(): void;
}

export interface WorkerCheckSettings {
  /** Where the processes of one backend agree on who looks, and on what was reported. */
  readonly ledger: Ledger;
  readonly find: () => Promise<readonly QueueWithoutWorker[]>;
  readonly events: EventBus;
  /** A record that is read with each look, which costs nothing more, and what is called with whether it is there. */
  readonly also: { readonly key: string; readonly looked: (isThere: boolean) => void };
  /** Between two looks, of all processes together. */
  readonly everyMs: number;
  /** How long a queue has no worker before that is reported. */
  readonly afterMs: number;
  /** A look that took long is followed by a pause of at least this many times that long, since it costs the store as much. */
  readonly restFactor: number;
}

/** By queue: since when it has no worker, in Unix milliseconds, and whether that was reported. */
type Missing = ReadonlyMap<string, { readonly since: number; readonly reported: boolean }>;

const valueOf = (missing: Missing): string => JSON.stringify(Object.fromEntries(missing));

const KEY = ledgerKey("queue", "check");
const FIRST_MS = 1_000;
const HOUR_MS = 3_600_000;
/** As many as one record holds, whatever their names are. */
const MOST_QUEUES = 400;

/**
 * One process of a backend looks at a time; the others wait until its look is `everyMs` old, or longer where a look takes long. A queue is reported once by
 * `queue_without_worker`, and once by `queue_has_worker` when it has a worker again or no jobs. Of more than 400 such queues the others
 * are reported once some of these have one.
 */
export function createWorkerCheck({
  ledger,
  find,
  events,
  also,
  everyMs,
  afterMs,
  restFactor,
}: WorkerCheckSettings): WorkerCheck {
  let timer: NodeJS.Timeout | undefined;
  let isOn = false;

  async function look(): Promise<void> {
    const [record = null, other = null] = await ledger.read([KEY, also.key]);
    also.looked(other !== null);
    if (record !== null && (record.dueInMs ?? 0) > 0) return;
    const turn = { key: KEY, dueInMs: everyMs, expiresInMs: HOUR_MS };
    const before = missingOf(record?.value ?? "{}");
    const begun = await ledger.commit([{ ...turn, ifVersion: record?.version ?? "absent", value: valueOf(before) }]);
    if (!begun.ok) return;
    const since = monotonicMs();
    const all = (await find()).filter(({ ready }) => ready > 0);
    // Those of the last look first: what was reported is remembered until its queue has a worker.
    const found = [
      ...all.filter(({ queue }) => before.has(queue)),
      ...all.filter(({ queue }) => !before.has(queue)),
    ].slice(0, MOST_QUEUES);
    const after = missingNow(found, before, afterMs);
    const dueInMs = Math.max(everyMs, (monotonicMs() - since) * restFactor);
    const ended = await ledger.commit([
      {
        ...turn,
        dueInMs,
        expiresInMs: dueInMs + HOUR_MS,
        ifVersion: begun.versions[0] ?? "absent",
        value: valueOf(after),
      },
    ]);
    if (ended.ok) report(found, before, after);
  }

  function report(found: readonly QueueWithoutWorker[], before: Missing, after: Missing): void {
    for (const one of found) {
      if (after.get(one.queue)?.reported && !before.get(one.queue)?.reported) events.emit("queue_without_worker", one);
    }
    for (const [queue, { reported }] of before) {
      if (reported && !after.has(queue)) events.emit("queue_has_worker", { queue });
    }
  }

  function next(inMs: number): void {
    // A check that was ended and begun again during a look has a timer already.
    clearTimeout(timer);
    timer = setTimeout(() => {
      // What fails now, such as a ledger that is away, is looked at the next time.
      void look()
        .catch(() => undefined)
        .finally(() => isOn && next(everyMs / 2));
    }, inMs).unref();
  }

  return {
    begin() {
      if (isOn) return;
      isOn = true;
      next(Math.min(FIRST_MS, everyMs));
    },
    end() {
      isOn = false;
      clearTimeout(timer);
    },
  };
}

function missingNow(found: readonly QueueWithoutWorker[], before: Missing, afterMs: number): Missing {
  const now = wallMs();
  return new Map(
    found.map(({ queue }) => {
      const { since, reported } = before.get(queue) ?? { since: now, reported: false };
      return [queue, { since, reported: reported || now - since >= afterMs }];
    }),
  );
}

/** Reads what an earlier look has written; nothing where another program wrote it. */
function missingOf(value: string): Missing {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed !== "object" || parsed === null) return new Map();
    const entries = Object.entries(parsed as Record<string, { since?: unknown; reported?: unknown } | null>);
    return new Map(
      entries.flatMap(([queue, one]) =>
        typeof one?.since === "number" ? [[queue, { since: one.since, reported: one.reported === true }]] : [],
      ),
    );
  } catch {
    return new Map();
  }
}
