/** Where a process may die: before a call had its effect, or after, when its answer reached nobody. */
export interface CrashPoint {
  /** Counts the calls of one run, from 0. */
  readonly call: number;
  readonly when: "before" | "after";
}

/** One run's calls into the world, as they happened. */
export interface Trace {
  /** "mail.send", in order. */
  readonly calls: readonly string[];
  /** Where the process died, or null while it lives. */
  readonly diedAt: string | null;
  /** Resolves when it dies; never otherwise. */
  readonly death: Promise<void>;
}

type Method = (...given: unknown[]) => unknown;

/**
 * The world as one process sees it: every method call on it, or on an object it holds, may be the process's last. A dead
 * process does nothing any more: its calls have no effect and are never answered. `pause` is how many turns of the event
 * loop each promised answer is late.
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
    const answer = Reflect.apply(method, self, given);
    if (!(answer instanceof Promise)) return isLast ? end("after", name) : answer;
    const late = turns(pause());
    if (!isLast) return late.then(() => (trace.diedAt === null ? answer : never));
    return answer.then(
      () => end("after", name),
      () => end("after", name),
    );
  }

  return { seen: watched(world, "") as World, trace };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
