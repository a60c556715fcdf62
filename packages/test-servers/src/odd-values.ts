/** A reproducible stream of values that no program of ours writes: the same seed, the same stream, on every machine. */
export interface OddValues {
  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number;
  pick<T>(choices: readonly T[]): T;
  /** Any JSON value; about one in fifty is large. */
  json(): unknown;
  /** Any text, control characters included, without U+0000 unless `nul`. */
  text(options?: { readonly nul?: boolean }): string;
  /** Any number, those that no counter can have included. */
  number(): number;
  /** A copy in which one to three members are gone, new, or of any value. */
  mutated(record: Readonly<Record<string, unknown>>): Record<string, unknown>;
  /** Text with characters cut out, doubled or replaced. */
  garbled(text: string): string;
}

const TEXTS: readonly string[] = [
  "",
  " ",
  "null",
  "0",
  "-1",
  "NaN",
  "1e400",
  "__proto__",
  "constructor",
  "toString",
  "../../etc/passwd",
  "a:b:c",
  "*",
  "a.b.#",
  "UPPER",
  "\u001b[2J\u001b[31mred",
  "line\nline\r\n",
  "\u202egnp.exe",
  "żółw 🐢 \u2028",
  "'; DROP TABLE jobs; --",
  '{"envelope":"',
  '{"a":',
  "v1,",
  "=",
  "%zz",
  "x".repeat(300),
];

const NUMBERS: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  255,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  2 ** 53,
  -(2 ** 53),
  8.64e15,
  8.65e15,
  1e300,
];

/** `seed` 0 to 2 ** 32 - 1 (mulberry32). */
export function oddValues(seed: number): OddValues {
  let state = seed >>> 0;

  function below(end: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  }

  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)] as T;

  function text({ nul = false } = {}): string {
    if (nul && below(8) === 0) return "no\0text";
    return below(50) === 0 ? "x".repeat(20_000) : pick(TEXTS);
  }

  const number = (): number => (below(3) === 0 ? below(1_000) - 500 : pick(NUMBERS));

  function json(depth = 0): unknown {
    switch (below(depth > 2 ? 5 : 8)) {
      case 0:
        return null;
      case 1:
        return below(2) === 0;
      case 2:
      case 3:
        return text();
      case 4:
        return number();
      case 5:
        return Array.from({ length: below(4) }, () => json(depth + 1));
      default:
        return Object.fromEntries(Array.from({ length: below(4) }, () => [text(), json(depth + 1)]));
    }
  }

  return {
    below,
    pick,
    json: () => json(),
    text,
    number,
    mutated(record) {
      const copy: Record<string, unknown> = { ...record };
      for (let change = 1 + below(3); change > 0; change -= 1) {
        const name = below(6) === 0 ? text() : pick(Object.keys(record));
        if (below(4) === 0) delete copy[name];
        else copy[name] = json();
      }
      return copy;
    },
    garbled(original) {
      const at = below(original.length + 1);
      switch (below(4)) {
        case 0:
          return original.slice(0, at);
        case 1:
          return original.slice(0, at) + text() + original.slice(at);
        case 2:
          return original.slice(at);
        default:
          return original.slice(0, at) + original.slice(at + 1);
      }
    },
  };
}
