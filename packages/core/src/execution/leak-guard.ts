import { AsyncLocalStorage } from "node:async_hooks";
import { printable } from "../values/printable.ts";
import { jobOfScope } from "../job/job-context.ts";
import { WaybillError } from "../errors.ts";
import { assertKnownOptions, describeValue, type OptionNames } from "../known-options.ts";
import type { Middleware } from "../job/middleware.ts";

/** A value that a handler left behind outside its job. */
export interface Leak {
  /** The job's type. For a global, the type of the first job that ended after it appeared. */
  readonly type: string;
  /** "global": a key of `globalThis`. "store": an AsyncLocalStorage entered without a `run` around it. */
  readonly kind: "global" | "store";
  /** The key of the global, or the name of the store: as given in `stores`, else its own, else "AsyncLocalStorage". */
  readonly key: string;
}

/** Options of a leak guard. */
export interface LeakGuardOptions {
  /** Stores by the name to show in warnings: an AsyncLocalStorage has no name of its own before Node 24. */
  readonly stores?: Readonly<Record<string, AsyncLocalStorage<never>>> | undefined;
  /** Called once for each leak. Default: emits a process warning. */
  readonly warn?: ((leak: Leak) => void) | undefined;
}

const LEAK_GUARD_OPTIONS: OptionNames<LeakGuardOptions> = { stores: true, warn: true };

/**
 * Returns a middleware that reports leaks, for development and tests. A leak is a global that a handler sets, which the next
 * job sees, or an AsyncLocalStorage that it enters by `enterWith`, which is harmless in a waybill worker and nowhere else.
 * Jobs run as without it. The first guard of a process replaces `AsyncLocalStorage.prototype.enterWith`, so leave it out in
 * production. Throws `CONFIG_INVALID` for an option that cannot work.
 */
export function leakGuard(options: LeakGuardOptions = {}): Middleware {
  assertKnownOptions(options, LEAK_GUARD_OPTIONS, "the options of leakGuard");
  const { stores = {}, warn = warnProcess } = options;
  if (typeof stores !== "object" || stores === null)
    throw refuse(`stores of leakGuard is ${describeValue(stores)}: pass them by name, { session: sessionStore }`);
  if (typeof warn !== "function")
    throw refuse(`warn of leakGuard is ${describeValue(warn)}: pass a function of (leak)`);
  const names = new Map<unknown, string>(Object.entries(stores).map(([name, store]) => [store, name]));
  const reported = new Set<string>();
  const known = new Set(Reflect.ownKeys(globalThis));
  watchEnterWith();

  function report(leak: Leak): void {
    const id = `${leak.kind} ${leak.type} ${leak.key}`;
    if (reported.has(id)) return;
    reported.add(id);
    warn(leak);
  }

  return async (job, next) => {
    for (const key of Reflect.ownKeys(globalThis)) known.add(key);
    guards.set(job, (store) => report({ type: job.type, kind: "store", key: names.get(store) ?? nameOf(store) }));
    try {
      await next();
    } finally {
      for (const key of Reflect.ownKeys(globalThis)) {
        if (known.has(key)) continue;
        known.add(key);
        report({ type: job.type, kind: "global", key: String(key) });
      }
    }
  };
}

type Store = AsyncLocalStorage<unknown>;

/** By job: called when the job enters a store. */
const guards = new WeakMap<object, (store: Store) => void>();
let isWatched = false;

/** Wraps `enterWith`: Node has no list of stores. */
function watchEnterWith(): void {
  if (isWatched) return;
  isWatched = true;
  const { enterWith, run } = AsyncLocalStorage.prototype;
  /** Stores within `run`, which since Node 24 calls `enterWith` itself. */
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
  process.emitWarning(printable(what), "WaybillLeakWarning");
}

function refuse(message: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", message);
}
