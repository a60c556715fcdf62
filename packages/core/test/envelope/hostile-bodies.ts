import { below, randomOf } from "../../src/testing/random.ts";
import { documents } from "./documents.ts";
import { mutants } from "./mutants.ts";
import { type BodyInput, readVectors } from "./vectors.ts";

/** One body, and what made it: enough to make it again alone. */
export interface Hostile {
  readonly bytes: Buffer;
  readonly made: string;
}

/** Names that every JavaScript object has from somewhere else, and what an attacker would put under them. */
const PROTOTYPE_NAMES = "__proto__ constructor prototype toString valueOf hasOwnProperty toJSON then __defineGetter__";
const FIELD_NAMES = "id type queue args meta retry crit dedupe spec x_a tenant_id payload_version limits key until";
const NAMES = `${PROTOTYPE_NAMES} ${FIELD_NAMES}`.split(" ");
const SCALARS = [null, true, 0, -1, 1.5, 1e300, "", "a", "\0", "\ud800", "2026-02-30T00:00:00Z", "PT0S", "waybill/2"];
const POLLUTION = { constructor: { prototype: { polluted: true } } };
const VALUES: readonly unknown[] = [SCALARS, [[], {}, [[]], [null], { polluted: true }, POLLUTION]].flat();
/** Bytes where UTF-8 and JSON turn: half of a sequence, overlong forms, surrogates, the mark, what closes a string. */
const BYTES = Buffer.from("000a1f222c305b5c5d7b7d7f80bfc0c2e0edeff0f4f5ff", "hex");

/**
 * Valid vectors changed byte by byte, changed in their structure, changed in their text, and envelopes composed at the edges
 * of the rules: a quarter each. The same seed, the same bodies.
 */
export function* hostileBodies(seed: number, rounds: number): Generator<Hostile> {
  const random = randomOf(seed);
  const roll = (sides: number): number => below(random, sides);
  const pick = <T>(from: readonly T[]): T => from[roll(from.length)]!;
  const valid = readVectors<BodyInput, object>("valid").map(({ input }) => bytesOf(input));
  const short = valid.filter(({ length }) => length < 4_000);
  const texts = mutants(seed, rounds);
  const composed = documents(seed, rounds);

  const byBytes = (): Buffer => {
    let bytes = Buffer.from(pick(roll(500) === 0 ? valid : short));
    for (let change = roll(4); change >= 0; change--) {
      const at = roll(bytes.length + 1);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      const other = pick(short);
      const piece = pick([
        () => Buffer.from([pick([...BYTES])]),
        () => Buffer.from([roll(256)]),
        () => Buffer.alloc(0),
        () => Buffer.from([(after[0] ?? 0) ^ (1 << roll(8))]),
        () => other.subarray(roll(other.length), roll(other.length)),
      ])();
      bytes = Buffer.concat([before, piece, after.subarray(pick([0, 1, 1, roll(9)]))]);
    }
    return bytes;
  };

  const byStructure = (): Buffer => {
    const envelope = JSON.parse(pick(short).toString()) as unknown;
    for (let change = roll(3); change >= 0; change--) {
      const place = pick(containersIn(envelope));
      const [name, value] = [pick(NAMES), structuredClone(pick(VALUES))];
      const key = Array.isArray(place)
        ? roll(place.length + 1)
        : roll(2) === 0
          ? name
          : (pick(Object.keys(place)) ?? name);
      pick([
        () => Reflect.deleteProperty(place, key),
        () => setOwn(place, key, value),
        () => setOwn(place, key, value),
        () => setOwn(place, key, structuredClone(pick(containersIn(envelope)))),
        () => setOwn(place, key, nested(roll(40), roll(2) === 0)),
      ])();
    }
    const text = JSON.stringify(envelope);
    // A key written twice cannot be had from a serialiser.
    if (roll(6) === 0) return Buffer.from(text.replace("{", `{"${pick(NAMES)}":${JSON.stringify(pick(VALUES))},`));
    return Buffer.from(text);
  };

  for (let round = 0; round < rounds; round++) {
    const made = `seed ${seed}, body ${round}`;
    if (round % 4 === 0) yield { bytes: byBytes(), made };
    else if (round % 4 === 1) yield { bytes: byStructure(), made };
    else if (round % 4 === 2) yield { bytes: Buffer.from(texts.next().value ?? ""), made };
    else yield { bytes: composed.next().value ?? Buffer.alloc(0), made };
  }
}

function bytesOf(input: BodyInput): Buffer {
  if ("envelope" in input) return Buffer.from(JSON.stringify(input.envelope));
  if ("text" in input) return Buffer.from(input.text);
  if ("base64" in input) return Buffer.from(input.base64, "base64");
  return Buffer.from(input.repeat.map(([text, times]) => text.repeat(times)).join(""));
}

/** The value itself and every array and object in it. */
function containersIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersIn)];
}

/** A member of the object itself, also under the name `__proto__`. */
function setOwn(place: object, key: string | number, value: unknown): void {
  Object.defineProperty(place, key, { value, writable: true, enumerable: true, configurable: true });
}

function nested(levels: number, inArrays: boolean): unknown {
  return levels === 0 ? 1 : inArrays ? [nested(levels - 1, true)] : { a: nested(levels - 1, false) };
}
