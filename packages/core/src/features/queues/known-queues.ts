import { isQueueName } from "../../backend/foreign-records.ts";
import type { Ledger, LedgerChange } from "../../backend/ledger.ts";
import { monotonicMs } from "../../time/clock.ts";
import { ledgerKey, ledgerPrefix } from "../ledger-key.ts";
import { allRecords } from "../all-records.ts";

/** The queues that producers have declared or used, as the ledger has them. */
export interface KnownQueues {
  /**
   * Writes in the background that a program declares these queues, and again every 6 hours, or after 30 s where that failed.
   * Returns a function that ends it. Never throws.
   */
  declare(queues: readonly string[]): () => void;
  /** Returns the queues by name; true for a declared one. */
  list(): Promise<ReadonlyMap<string, boolean>>;
  /**
   * Adds a used queue in the background: once, and again after 6 hours. What fails is tried again at the next use. Never
   * throws.
   */
  used(queue: string): void;
}

const DAY_MS = 86_400_000;
/** A queue that no program uses any more is forgotten after this time. */
const KEPT_MS = 7 * DAY_MS;
const AGAIN_MS = DAY_MS / 4;
const RETRY_MS = 30_000;

export function createKnownQueues(ledger: Ledger): KnownQueues {
  const usedAt = new Map<string, number>();

  // A used queue does not replace the record of a declared one, so the two have keys of their own.
  const change = (queue: string, declared: boolean): LedgerChange => ({
    key: ledgerKey("queue", declared ? "declared" : "used", queue),
    ifVersion: "any",
    value: queue,
    expiresInMs: KEPT_MS,
  });

  async function add(queues: readonly string[], declared: boolean): Promise<void> {
    await ledger.commit([...new Set(queues)].map((queue) => change(queue, declared)));
  }

  async function listed(kind: "declared" | "used"): Promise<string[]> {
    const names: string[] = [];
    for await (const { value } of allRecords(ledger, ledgerPrefix("queue", kind))) {
      if (isQueueName(value)) names.push(value);
    }
    return names;
  }

  return {
    declare(queues) {
      let timer: NodeJS.Timeout | undefined;
      let isOver = false;
      async function write(): Promise<void> {
        const nextMs = await add(queues, true).then(
          () => AGAIN_MS,
          () => RETRY_MS,
        );
        if (!isOver) timer = setTimeout(() => void write(), nextMs).unref();
      }
      void write();
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    },
    async list() {
      const [declared, used] = await Promise.all([listed("declared"), listed("used")]);
      const known = new Map(used.map((queue) => [queue, false]));
      for (const queue of declared) known.set(queue, true);
      return known;
    },
    used(queue) {
      const last = usedAt.get(queue);
      const now = monotonicMs();
      if (last !== undefined && now - last < AGAIN_MS) return;
      usedAt.set(queue, now);
      add([queue], false).catch(() => usedAt.delete(queue));
    },
  };
}
