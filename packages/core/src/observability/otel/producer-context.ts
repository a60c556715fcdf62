import {
  type Baggage,
  type BaggageEntry,
  baggageEntryMetadataFromString,
  type Context,
  context,
  propagation,
} from "@opentelemetry/api";

/** Limits of W3C Baggage. What does not fit is left out. */
const MOST_MEMBERS = 64;
const MOST_LENGTH = 8_192;
/** A token of HTTP. */
const KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Returns the baggage of the active context as W3C's header has it. Null for none. */
export function activeBaggage(): string | null {
  const entries = propagation.getBaggage(context.active())?.getAllEntries() ?? [];
  let text = "";
  for (const [key, { value, metadata }] of entries.slice(0, MOST_MEMBERS)) {
    if (!KEY.test(key)) continue;
    const more = metadata === undefined ? "" : `;${metadata.toString()}`;
    const member = `${text === "" ? "" : ","}${key}=${encodeURIComponent(value)}${more}`;
    if (text.length + member.length <= MOST_LENGTH) text += member;
  }
  return text === "" ? null : text;
}

/** Returns `base` with the producer's baggage. Members that cannot be read are left out. */
export function withBaggage(base: Context, carried: string | undefined): Context {
  if (carried === undefined || carried.length > MOST_LENGTH) return base;
  const members = carried
    .split(",", MOST_MEMBERS)
    .map(memberOf)
    .filter((member) => member !== null);
  if (members.length === 0) return base;
  const baggage: Baggage = propagation.createBaggage(Object.fromEntries(members));
  return propagation.setBaggage(base, baggage);
}

function memberOf(text: string): readonly [string, BaggageEntry] | null {
  const [, key = "", value = "", more] = /^\s*([^=;\s]+)\s*=\s*([^;]*?)\s*(?:;(.*))?$/.exec(text) ?? [];
  if (!KEY.test(key)) return null;
  try {
    const metadata = more === undefined ? {} : { metadata: baggageEntryMetadataFromString(more.trim()) };
    return [key, { value: decodeURIComponent(value), ...metadata }];
  } catch {
    return null;
  }
}
