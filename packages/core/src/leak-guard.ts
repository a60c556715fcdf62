import { AsyncLocalStorage } from "node:async_hooks";
import { harmless } from "./harmless.ts";
import { jobOfScope } from "./job-context.ts";
import { assertKnownOptions, type OptionNames } from "./known-options.ts";
import type { Middleware } from "./middleware.ts";

/** Something a handler left where it does not belong. */
export interface Leak {
  /** The job's type. Of a global, the first that ended after it appeared. */
  readonly type: string;
  /** "global": a key of `globalThis`. "store": an AsyncLocalStorage entered without a `run` around it. */
  readonly kind: "global" | "store";
  /** The key, or the store's name: as given in `stores`, else its own, else "AsyncLocalStorage". */
  readonly key: string;
}

/** What a leak guard knows, and whom it tells. */
export interface LeakGuardOptions {
  /** Names for warnings: an AsyncLocalStorage has none of its own before Node 24. */
  readonly stores?: Readonly<Record<string, AsyncLocalStorage<never>>>;
  /** Default: a process warning. Each leak is told once. */
  readonly warn?: (leak: Leak) => void;
}

const LEAK_GUARD_OPTIONS: OptionNames<LeakGuardOptions> = { stores: true, warn: true };

/**
 * Tells what handlers leave behind. A middleware for development and tests: what is left is a global,
 * which the next job sees, or an AsyncLocalStorage entered for good, which is safe in a worker of ours and nowhere
 * else. Changes nothing of how jobs run. From the first guard on, `enterWith` of every AsyncLocalStorage is watched;
 * leave it out in production.
 */
export function leakGuard(options: LeakGuardOptions = {}): Middleware {
  assertKnownOptions(options, LEAK_GUARD_OPTIONS, "the options of leakGuard");
  const { stores = {}, warn = warnProcess } = options;
  const names = new Map<unknown, string>(Object.entries(stores).map(([name, store]) => [store, name]));
  const told = new Set<string>();
  const known = new Set(Reflect.ownKeys(globalThis));
  watchEnterWith();

  function tell(leak: Leak): void {
    const id = `${leak.kind} ${leak.type} ${leak.key}`;
    if (told.has(id)) return;
    told.add(id);
    warn(leak);
  }

  return async (job, next) => {
    for (const key of Reflect.ownKeys(globalThis)) known.add(key);
    guards.set(job, (store) => tell({ type: job.type, kind: "store", key: names.get(store) ?? nameOf(store) }));
    try {
      await next();
    } finally {
      for (const key of Reflect.ownKeys(globalThis)) {
        if (known.has(key)) continue;
        known.add(key);
        tell({ type: job.type, kind: "global", key: String(key) });
      }
    }
  };
}

type Store = AsyncLocalStorage<unknown>;

/** Who hears of it when a job enters a store. */
const guards = new WeakMap<object, (store: Store) => void>();
let isWatched = false;

/** There is no other way to learn of a store that nobody named: Node does not list them. */
function watchEnterWith(): void {
  if (isWatched) return;
  isWatched = true;
  const { enterWith, run } = AsyncLocalStorage.prototype;
  /** Stores whose `run` has begun: since Node 24 it enters by `enterWith` itself. */
  const running = new Set<Store>();
  AsyncLocalStorage.prototype.run = function watched<T>(
    this: Store,
    value: unknown,
    work: (...args: unknown[]) => T,
    ...args: unknown[]
  ): T {
    running.add(this);
    try {
      return run.call(this, value, work, ...args) as T;
    } finally {
      running.delete(this);
    }
  } as typeof run;
  AsyncLocalStorage.prototype.enterWith = function watched(this: Store, value: unknown): void {
    const job = running.delete(this) ? undefined : jobOfScope();
    if (job !== undefined && this.getStore() === undefined) guards.get(job)?.(this);
    enterWith.call(this, value);
  };
}

function nameOf(store: Store): string {
  return "name" in store && typeof store.name === "string" && store.name !== "" ? store.name : "AsyncLocalStorage";
}

function warnProcess({ type, kind, key }: Leak): void {
  const what =
    kind === "global"
      ? `a handler of "${type}" set globalThis.${key}, which the next job sees; keep it in the job, or set it when the module loads`
      : `a handler of "${type}" called enterWith on ${key}; wrap what needs it in run(), or the value outlives the job wherever its code runs outside a worker`;
  process.emitWarning(harmless(what), "WaybillLeakWarning");
}
