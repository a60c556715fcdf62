import type { Metric, Sample } from "./exposition.ts";
import { OTHER } from "./label-values.ts";

type Labels = Readonly<Record<string, string>>;

const SEPARATOR = "\u0000";

/** Most combinations of labels of one metric. Any further combination is counted as `other` in all labels. */
export const MOST_SERIES = 1_000;

/** Values by their labels. */
class Series<T> {
  readonly #names: readonly string[];
  readonly #values = new Map<string, T>();
  readonly #make: () => T;

  constructor(names: readonly string[], make: () => T) {
    this.#names = names;
    this.#make = make;
  }

  at(labels: Labels): T {
    const key = this.#names.map((name) => labels[name] ?? "").join(SEPARATOR);
    return this.#values.get(key) ?? this.#added(this.#values.size < MOST_SERIES ? key : this.#rest);
  }

  /** One more than `MOST_SERIES` at most: `rest`. */
  #added(key: string): T {
    const value = this.#values.get(key) ?? this.#make();
    this.#values.set(key, value);
    return value;
  }

  get #rest(): string {
    return this.#names.map(() => OTHER).join(SEPARATOR);
  }

  *entries(): Generator<readonly [Labels, T]> {
    for (const [key, value] of this.#values) {
      const parts = key.split(SEPARATOR);
      yield [Object.fromEntries(this.#names.map((name, at) => [name, parts[at] ?? ""])), value];
    }
  }
}

export interface Counter {
  add(labels: Labels): void;
  metric(): Metric;
}

export function counter(name: string, help: string, names: readonly string[]): Counter {
  const series = new Series(names, () => ({ count: 0 }));
  return {
    add: (labels) => void (series.at(labels).count += 1),
    metric: () => ({
      name,
      help,
      type: "counter",
      samples: [...series.entries()].map(([labels, { count }]) => ({ suffix: "", labels, value: count })),
    }),
  };
}

export interface Gauge {
  set(labels: Labels, value: number): void;
  metric(): Metric;
}

export function gauge(name: string, help: string, names: readonly string[]): Gauge {
  const series = new Series(names, () => ({ value: 0 }));
  return {
    set: (labels, value) => void (series.at(labels).value = value),
    metric: () => ({
      name,
      help,
      type: "gauge",
      samples: [...series.entries()].map(([labels, { value }]) => ({ suffix: "", labels, value })),
    }),
  };
}

export interface Histogram {
  observe(labels: Labels, value: number): void;
  metric(): Metric;
}

/** Returns a histogram. `bounds` are in rising order; each bucket counts the values up to its bound, as in Prometheus. */
export function histogram(name: string, help: string, names: readonly string[], bounds: readonly number[]): Histogram {
  const series = new Series(names, () => ({ counts: bounds.map(() => 0), sum: 0, count: 0 }));
  return {
    observe(labels, value) {
      const one = series.at(labels);
      one.sum += value;
      one.count += 1;
      for (const [at, bound] of bounds.entries()) if (value <= bound) one.counts[at] = (one.counts[at] ?? 0) + 1;
    },
    metric: () => ({
      name,
      help,
      type: "histogram",
      samples: [...series.entries()].flatMap(([labels, { counts, sum, count }]): Sample[] => [
        ...bounds.map((bound, at) => bucket(labels, bound, counts[at] ?? 0)),
        bucket(labels, Infinity, count),
        { suffix: "_sum", labels, value: sum },
        { suffix: "_count", labels, value: count },
      ]),
    }),
  };
}

function bucket(labels: Labels, bound: number, value: number): Sample {
  return { suffix: "_bucket", labels: { ...labels, le: bound === Infinity ? "+Inf" : String(bound) }, value };
}
