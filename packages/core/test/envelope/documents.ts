import { below, randomOf } from "../../src/testing/random.ts";
import { mutants } from "./mutants.ts";

/**
 * Bodies on which two readers might differ: mutated vectors, and envelopes composed of values at the edges of each rule,
 * written as text, since a number or an escape that is odd cannot be had from a serialiser. The same seed, the same bodies.
 */
export function* documents(seed: number, rounds: number): Generator<Buffer> {
  const compose = composer(randomOf(seed));
  const mutated = mutants(seed, rounds);
  for (let round = 0; round < rounds; round++) {
    yield round % 3 === 0 ? Buffer.from(mutated.next().value ?? "") : compose();
  }
}

const CHARACTERS: readonly string[] =
  "a z A Z 0 9 _ - . : / ? # [ ] @ ! % %2 %41 %zz + ~ | ^ { é ß ı ﬃ 中 😀 𐀀 \u0080 \u2028 \u00a0 \ufdd0 \ufffd".split(
    " ",
  );
const ESCAPES: readonly string[] =
  '\\u0000 \\u0001 \\n \\/ \\\\ \\" \\ud83d\\ude00 \\ud83d \\ude00 \\uFFFE \\uffff \\u0041 \\x41 \\u12 \ufffe \uffff \u0007'.split(
    " ",
  );
const NUMBERS: readonly string[] = (
  "0 -0 1 -1 1.0 5e0 6e1 60E0 1e-1 0.5 1.5 100 100.0 101 -100 -101 1e2 1.01e2 604800 604801 6048e2 2147483647 2147483648 " +
  "9007199254740991 -9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 1e16 1e21 1e22 1e308 1e309 -1e309 " +
  "5e-324 1e-400 0.1e1 10e-1 0.99999999999999999999 1.0000000000000000000001 00 01 -01 +1 .5 1. 1.e1 1e 1e+ - 0x1 1_000 NaN Infinity"
).split(" ");

function composer(random: () => number): () => Buffer {
  const roll = (sides: number): number => below(random, sides);
  const pick = <T>(from: readonly T[]): T => from[roll(from.length)]!;
  const times = (count: number, make: (index: number) => string): string =>
    Array.from({ length: count }, (_, n) => make(n)).join("");
  const quoted = (content: string): string => `"${content}"`;
  const near = (edge: number): number => Math.max(0, edge + pick([-1, 0, 0, 1]));

  const characters = (count: number): string => times(count, () => (roll(12) === 0 ? pick(ESCAPES) : pick(CHARACTERS)));
  const name = (count: number): string => times(count, () => pick([..."abcxyz019_-."]));
  const digits = (count: number): string => times(count, () => String(roll(10)));
  const hex = (count: number): string => times(count, () => pick([..."0123456789abcdef"]));

  const time = (): string => {
    const year = pick(["1969", "1970", "1999", "2000", "2024", "2026", "2100", "9999", digits(4)]);
    const day = `${pick(["01", "02", "04", "12", "00", "13"])}-${pick(["01", "28", "29", "30", "31", "00", "32"])}`;
    const clock = [pick(["00", "23", "24"]), pick(["00", "59", "60"]), pick(["00", "59", "60"])].join(":");
    const fraction = pick(["", "", ".0", ".999", ".9999", `.${digits(1 + roll(10))}`, "."]);
    const zone = pick([
      "Z",
      "Z",
      "z",
      "",
      "+00:00",
      "-00:00",
      "+23:59",
      "-23:59",
      "+24:00",
      "+01:60",
      "-01:00",
      "+0100",
      "Z\\n",
    ]);
    return quoted(`${year}-${day}${pick(["T", "T", "T", "t", " "])}${clock}${fraction}${zone}`);
  };
  const duration = (): string => {
    const part = (unit: string): string =>
      roll(2) === 0 ? "" : `${pick(["0", "1", "59", "8784", "8785", digits(1 + roll(10))])}${unit}`;
    const seconds =
      roll(2) === 0 ? "" : `${pick(["0", "1", digits(2)])}${pick(["", ".5", ".001", ".0001", ".", `.${digits(3)}`])}S`;
    return quoted(`${pick(["PT", "PT", "PT", "P", "pt", "-PT"])}${part("H")}${part("M")}${seconds}`);
  };
  const id = (): string =>
    quoted(
      [
        hex(8),
        hex(4),
        pick(["1", "4", "7", "8", "9", "0"]) + hex(3),
        pick(["8", "b", "c", "a"]) + hex(3),
        hex(pick([12, 12, 11])),
      ].join("-"),
    );
  const dotted = (longest: number): string => {
    const text = name(pick([1, 3, near(longest)]));
    return quoted(
      pick([text, `a${text}`.slice(0, longest), `a${text.replace(/[-.]/g, "_")}`.slice(0, longest + roll(2))]),
    );
  };
  const string = (longest: number): string =>
    quoted(pick([characters(roll(6)), "é".repeat(near(longest)), "😀".repeat(near(longest)), ""]));
  const uri = (): string =>
    quoted(
      pick(["urn:", "", "https://", "1:", "a+b-c.d:"]) +
        pick([name(roll(9)), characters(roll(5)), "a".repeat(near(255))]),
    );
  const other = (): string =>
    pick(["null", "true", "false", "[]", "{}", '""', '"1"', pick(NUMBERS), "[null]", '{"a":null}']);

  const value = (depth: number): string => {
    const kind = depth > 4 ? roll(3) : roll(5);
    if (kind === 0) return pick(NUMBERS);
    if (kind === 1) return quoted(characters(roll(5)));
    if (kind === 2) return other();
    const inner = (): string => value(depth + 1);
    if (kind === 3) return `[${Array.from({ length: roll(4) }, inner).join(",")}]`;
    return `{${Array.from({ length: roll(4) }, () => `${quoted(pick(["a", "b", "\\u0061", characters(1)]))}:${inner()}`).join(",")}}`;
  };
  const list = (count: number, item: (at: number) => string): string =>
    `[${Array.from({ length: count }, (_, at) => item(at)).join(",")}]`;
  const members = (rules: Readonly<Record<string, () => string>>): string => {
    const names = Object.keys(rules).filter(() => roll(3) === 0);
    if (roll(12) === 0) names.push(pick([...Object.keys(rules), "key ", "Key", "x_y", "a/b~c"]));
    return `{${names.map((one) => `${quoted(one)}:${roll(12) === 0 ? other() : (rules[one]?.() ?? "1")}`).join(",")}}`;
  };
  const retry = (): string =>
    members({
      max_attempts: () => pick(NUMBERS),
      initial_interval: duration,
      backoff_coefficient: () => pick(NUMBERS),
      max_interval: duration,
      jitter: other,
      non_retryable_errors: () => list(pick([0, 2, near(100)]), () => string(255)),
      on_exhaustion: () => pick(['"discard"', '"dead_letter"', '"keep"']),
    });
  const dedupe = (): string => {
    const rest = members({
      for: duration,
      until: () => pick(['"start"', '"start"', '"end"', '"Start"', duration()]),
      on_conflict: () => pick(['"reject"', '"ignore"', '"replace"', '"Replace"']),
    });
    return roll(6) === 0 ? rest : rest.replace("{", `{"key":${string(255)}${rest === "{}" ? "" : ","}`);
  };
  const limits = (): string => {
    const named = (at: number): string => {
      const long = `a${name(near(140) - 1)}`;
      return quoted(pick([`sync#${at}`, `a${at}.b-c_d`, `k${at}${name(4)}`, long, characters(2), `A${at}`, ""]));
    };
    return `{${list(pick([1, 1, 2, near(4), 0]), (at) => `${named(at)}:${roll(12) === 0 ? other() : string(255)}`).slice(1, -1)}}`;
  };
  const meta = (): string => {
    // At the edge of 16,384 canonical bytes, written longer than it counts, or shorter.
    const room = near(16_384) - 8;
    const filler = pick([
      () => quoted("a".repeat(room - 2)),
      () => `[${"1e20,".repeat(Math.floor((room - 3) / 22))}1${"0".repeat((room - 3) % 22)}]`,
      () => quoted("\\u0041".repeat(room - 2)),
      () =>
        quoted("\u0001".replace("\u0001", "\\u0001").repeat(Math.floor((room - 2) / 6)) + "b".repeat((room - 2) % 6)),
    ]);
    if (roll(6) === 0) return `{"kkkk":${filler()}}`;
    return members({
      tenant_id: () => string(128),
      payload_version: () => pick(NUMBERS),
      limits,
      traceparent: () => value(3),
      "a.b-c_d": () => value(3),
      [name(near(64))]: () => "1",
    });
  };
  const crit = (): string =>
    list(pick([1, 2, near(32), 0]), () => pick(['"id"', '"args"', '"meta"', '"x_a"', '"queue"', string(64)]));
  const args = (): string => {
    const edge = roll(80);
    if (edge === 0) return `[${"0,".repeat(near(9_995))}0]`;
    if (edge === 1) return "[".repeat(near(31)) + "]".repeat(near(31));
    return list(roll(3), () => value(0));
  };
  const FIELDS: Readonly<Record<string, () => string>> = {
    queue: () => dotted(63),
    created_at: time,
    source: uri,
    scheduled_at: time,
    expires_at: time,
    priority: () => pick(NUMBERS),
    timeout: () => pick(NUMBERS),
    retry,
    dedupe,
    schema: uri,
    meta,
    crit,
    specversion: () => pick(['"1.0"', '"1"', "1.0"]),
    x_a: () => value(2),
    __proto__x: () => value(2),
  };
  const GOOD: Readonly<Record<string, string>> = {
    spec: '"waybill/1"',
    id: '"019539a4-b68c-7def-8000-1a2b3c4d5e6f"',
    type: '"mail.album_ready"',
    args: "[]",
  };
  const REQUIRED: Readonly<Record<string, () => string>> = {
    spec: () =>
      pick(['"waybill\\/1"', '"waybill/2"', '"waybill/10"', '"waybill/01"', '"waybill/1 "', '"ojs/1"', '"waybill/1"']),
    id,
    type: () => dotted(128),
    args,
  };

  return () => {
    const parts = Object.keys(GOOD).map((one) => {
      const chance = roll(one === "args" ? 2 : 12);
      if (chance > 0) return `${quoted(one)}:${GOOD[one]!}`;
      return roll(8) === 0 ? "" : `${quoted(one)}:${roll(8) === 0 ? other() : REQUIRED[one]!()}`;
    });
    // Few at a time, so that a document is often at fault in one place alone, or in none.
    for (let count = roll(4); count > 0; count--) {
      const one = pick(Object.keys(FIELDS));
      parts.push(
        `${quoted(roll(15) === 0 ? one.replace(/^./, (c) => `\\u00${c.charCodeAt(0).toString(16)}`) : one)}:${roll(15) === 0 ? other() : FIELDS[one]!()}`,
      );
    }
    const blank = (): string => (roll(20) === 0 ? pick([" ", "\n", "\t\r", "\u000b", "\u00a0", "\u2028"]) : "");
    const text = `${blank()}{${parts.filter((part) => part !== "").join(`${blank()},${blank()}`)}}${blank()}`;
    const bytes = Buffer.from(text);
    if (roll(60) === 0) bytes[roll(bytes.length)] = pick([0x80, 0xc0, 0xed, 0xff, 0x00, 0x0a]);
    return bytes;
  };
}
