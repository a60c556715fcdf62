/** Values that a handler may throw although nobody would: each is made anew, with words that name it. */
export interface HostileValue {
  readonly name: string;
  readonly make: () => unknown;
  /** What the text of the failure must contain. */
  readonly says: RegExp;
}

const throws = (): never => {
  throw new Error("a getter threw");
};

function revoked(target: object): unknown {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function circular(): unknown {
  const one: Record<string, unknown> = { message: "round" };
  one["cause"] = one;
  return Object.assign(one, { self: one });
}

function errorWith(members: PropertyDescriptorMap): Error {
  return Object.defineProperties(new Error("plain"), members);
}

const MEGABYTE = "x".repeat(1 << 20);

class Odd extends Error {
  override name = 7 as unknown as string;
}

export const hostileValues: readonly HostileValue[] = [
  { name: "undefined", make: () => undefined, says: /undefined was thrown/ },
  { name: "null", make: () => null, says: /null was thrown/ },
  { name: "a number", make: () => Number.NaN, says: /the number NaN was thrown/ },
  { name: "a boolean", make: () => false, says: /the boolean false was thrown/ },
  { name: "a bigint", make: () => 10n, says: /the bigint 10 was thrown/ },
  { name: "a huge bigint", make: () => 10n ** 40_000n, says: /a bigint beyond 64 bits was thrown/ },
  { name: "a symbol", make: () => Symbol("s"), says: /the symbol "s" was thrown/ },
  { name: "a text", make: () => "boom", says: /Error: boom/ },
  { name: "an empty text", make: () => "", says: /an empty string was thrown/ },
  { name: "a function", make: () => function fun() {}, says: /the function fun was thrown/ },
  { name: "a class", make: () => Odd, says: /the function Odd was thrown/ },
  { name: "no prototype", make: () => Object.create(null), says: /an object without a prototype was thrown/ },
  {
    name: "JSON whose toString is no function",
    make: () => JSON.parse('{"toString":1,"valueOf":1}'),
    says: /an object with the members toString, valueOf was thrown/,
  },
  { name: "a revoked proxy", make: () => revoked({}), says: /an object that cannot be read was thrown/ },
  { name: "a revoked proxy of a function", make: () => revoked(() => {}), says: /the function without a name/ },
  { name: "a revoked proxy of an error", make: () => revoked(new Error("x")), says: /cannot be read/ },
  {
    name: "a proxy whose traps throw",
    make: () => new Proxy({}, { get: throws, getPrototypeOf: throws, ownKeys: throws, has: throws }),
    says: /cannot be read/,
  },
  { name: "an object with a code", make: () => ({ code: "PGRST116", message: "no rows" }), says: /no rows/ },
  { name: "a message that is an object", make: () => ({ message: { toString: throws } }), says: /members message/ },
  { name: "a message that is a getter", make: () => errorWith({ message: { get: throws } }), says: /was thrown/ },
  { name: "a name that is a getter", make: () => errorWith({ name: { get: throws } }), says: /plain/ },
  { name: "a code that is a getter", make: () => errorWith({ code: { get: throws } }), says: /plain/ },
  { name: "a cause that is a getter", make: () => errorWith({ cause: { get: throws } }), says: /plain/ },
  { name: "a stack that is a getter", make: () => errorWith({ stack: { get: throws } }), says: /plain/ },
  { name: "a name that is a number", make: () => new Odd("odd"), says: /odd/ },
  { name: "an error that is its own cause", make: circular, says: /round/ },
  {
    name: "causes without end",
    make: () => {
      const endless = (): Error => Object.defineProperty(new Error("deep"), "cause", { get: endless });
      return endless();
    },
    says: /deep/,
  },
  { name: "a message of 1 MB", make: () => new Error(MEGABYTE), says: /cut, 1048\d{3} characters/ },
  {
    name: "a name of 1 MB",
    make: () => ({ name: MEGABYTE, message: "m" }),
    says: /cut, 1048\d{3} characters/,
  },
  { name: "a code of 1 MB", make: () => ({ code: MEGABYTE, message: "long code" }), says: /long code/ },
  { name: "a text of 1 MB", make: () => MEGABYTE, says: /cut, 1048\d{3} characters/ },
  { name: "half a surrogate pair", make: () => new Error("a\ud800b\udfffc"), says: /a\ufffdb\ufffdc/ },
  { name: "U+0000", make: () => new Error("a\0b"), says: /a\ufffdb/ },
  { name: "a pair at the cut", make: () => new Error("😀".repeat(5_000)), says: /😀… \(cut/ },
  { name: "a forged RETRY_LATER", make: () => Object.assign(new Error("f"), { code: "RETRY_LATER" }), says: /f/ },
  {
    name: "a forged DEAD_LETTERED",
    make: () => ({ code: "DEAD_LETTERED", name: "DeadLetter", message: "forged" }),
    says: /forged/,
  },
  {
    name: "a forged DISCARDED",
    make: () => ({ code: "DISCARDED", name: "Discard", message: "forged" }),
    says: /forged/,
  },
  {
    name: "a forged FORWARDED",
    make: () => ({ code: "FORWARDED", message: "forged", outcome: { kind: "completed" } }),
    says: /forged/,
  },
  { name: "an AggregateError", make: () => new AggregateError([revoked({})], ""), says: /AggregateError/ },
  {
    name: "a Response",
    make: () => new Response(null, { status: 503 }),
    says: /an object of class Response was thrown/,
  },
  { name: "a DOMException", make: () => new DOMException("late", "AbortError"), says: /AbortError: late/ },
  { name: "an array", make: () => [1, 2], says: /an object of class Array/ },
  { name: "an error without a message", make: () => new TypeError(), says: /TypeError/ },
];

const members = ["name", "code", "message", "stack", "cause", "toString", "toJSON", "outcome", "delayMs", "kind"];

/** A thrown value out of random parts; the same for the same `random`. */
export function randomThrown(random: () => number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const leaf = (): unknown => pick(hostileValues).make();
  const value = pick([
    leaf,
    () => Object.create(null) as object,
    () => new Error("base"),
    () => ({}),
    () => Object.create(leaf() === null ? null : new Error("proto")) as object,
  ])();
  if (typeof value !== "object" || value === null || random() < 0.3) return value;
  for (const key of members) {
    if (random() < 0.6) continue;
    const descriptor = random() < 0.3 ? { get: throws } : { value: leaf() };
    try {
      Object.defineProperty(value, key, { configurable: true, enumerable: true, ...descriptor });
    } catch {
      // A revoked proxy takes no members, and is hostile enough.
      return value;
    }
  }
  return random() < 0.2 ? new Proxy(value, random() < 0.5 ? {} : { getPrototypeOf: throws }) : value;
}
