/** Where a process may die: before a call has its effect, or after it and before the result is returned. */
export interface CrashPoint {
  /** Counts the calls of one run, from 0. */
  readonly call: number;
  readonly when: "before" | "after";
}

/** The calls of one run into the world, in order. */
export interface Trace {
  /** Names such as "mail.send", in order. */
  readonly calls: readonly string[];
  /** Where the process died. Null while it runs. */
  readonly diedAt: string | null;
  /** Resolves when the process dies. */
  readonly death: Promise<void>;
}

type Method = (...given: unknown[]) => unknown;

/**
 * Returns a world for one process, which may die at any method call on the world or on an object in it. After that its calls
 * have no effect and never return. `pause` returns how many turns of the event loop a promised result is delayed.
 */
export function worldOfProcess<World extends object>(
  world: World,
  point: CrashPoint | null,
  pause: () => number = () => 0,
): { seen: World; trace: Trace } {
  const calls: string[] = [];
  let die: () => void = () => {};
  const trace = { calls, diedAt: null as string | null, death: new Promise<void>((resolve) => (die = resolve)) };
  const never = new Promise<never>(() => {});

  function end(when: CrashPoint["when"], name: string): Promise<never> {
    trace.diedAt = `${when} ${name} (call ${point?.call})`;
    die();
    return never;
  }

  function watched(target: object, path: string): object {
    return new Proxy(target, {
      get(from, key) {
        const value: unknown = Reflect.get(from, key, from);
        const name = path === "" ? String(key) : `${path}.${String(key)}`;
        if (typeof value === "function") return (...given: unknown[]) => call(value as Method, from, given, name);
        return typeof value === "object" && value !== null && path === "" ? watched(value, name) : value;
      },
    });
  }

  function call(method: Method, self: object, given: unknown[], name: string): unknown {
    if (trace.diedAt !== null) return never;
    const isLast = point?.call === calls.push(name) - 1;
    if (isLast && point.when === "before") return end("before", name);
    const returned = Reflect.apply(method, self, given);
    if (!(returned instanceof Promise)) return isLast ? end("after", name) : returned;
    const late = turns(pause());
    if (!isLast) return late.then(() => (trace.diedAt === null ? returned : never));
    return returned.then(
      () => end("after", name),
      () => end("after", name),
    );
  }

  return { seen: watched(world, "") as World, trace };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
