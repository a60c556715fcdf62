import { parseDuration } from "./duration.ts";
import { type EnvelopeCode, refuse } from "./envelope-code.ts";
import { parseTimestamp } from "./timestamp.ts";

/** Throws `EnvelopeError` for a value that the field may not have. */
export type FieldRule = (value: unknown, pointer: string) => void;
export type Fields = Readonly<Record<string, unknown>>;

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TYPE = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/;
const QUEUE = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const URI_REFERENCE = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/;
const URI_SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

export const idRule: FieldRule = (value, pointer) => {
  if (!ID.test(text(value, pointer))) refuse("ID_INVALID", pointer, "not a UUID in lower case with hyphens");
};

export const typeRule: FieldRule = named(128, TYPE, "TYPE_INVALID", 'not a job type such as "mail.album_ready"');

export const queueRule: FieldRule = named(63, QUEUE, "QUEUE_INVALID", "not a-z, 0-9, dots and hyphens within");

export const timestampRule: FieldRule = (value, pointer) => void parseTimestamp(text(value, pointer), pointer);

export const durationRule: FieldRule = (value, pointer) => void parseDuration(text(value, pointer), pointer);

export const uriReferenceRule: FieldRule = named(255, URI_REFERENCE, "URI_INVALID", "not an RFC 3986 URI reference");

export const uriRule: FieldRule = (value, pointer) => {
  uriReferenceRule(value, pointer);
  if (!URI_SCHEME.test(value as string)) refuse("URI_INVALID", pointer, "a URI begins with its scheme");
};

export const booleanRule: FieldRule = (value, pointer) => {
  if (typeof value !== "boolean") wrongType(value, pointer, "true or false");
};

export const arrayRule: FieldRule = (value, pointer) => {
  if (!Array.isArray(value)) wrongType(value, pointer, "an array");
};

/** At least one character. */
export function stringRule(longest: number): FieldRule {
  return (value, pointer) => {
    const content = text(value, pointer);
    // The length counts code points, as other languages do; there are never more of them than UTF-16 units.
    const fits = content.length <= longest || [...content].length <= longest;
    if (content === "" || !fits) refuse("LENGTH_INVALID", pointer, `not 1 to ${longest} characters`);
  };
}

/** Accepts `1.0` as an integer, since other languages write integers so. */
export function integerRule(least: number, most: number): FieldRule {
  return (value, pointer) => {
    if (typeof value !== "number" || !Number.isInteger(value)) wrongType(value, pointer, "an integer");
    if ((value as number) < least || (value as number) > most)
      refuse("RANGE_INVALID", pointer, `not ${least} to ${most}`);
  };
}

export function numberRule(least: number): FieldRule {
  return (value, pointer) => {
    if (typeof value !== "number") wrongType(value, pointer, "a number");
    if ((value as number) < least) refuse("RANGE_INVALID", pointer, `less than ${least}`);
  };
}

export function oneOfRule(...allowed: readonly string[]): FieldRule {
  return (value, pointer) => {
    if (!allowed.includes(text(value, pointer))) refuse("VALUE_UNKNOWN", pointer, `not one of ${allowed.join(", ")}`);
  };
}

export function listRule(least: number, most: number, item: FieldRule): FieldRule {
  return (value, pointer) => {
    arrayRule(value, pointer);
    const items = value as readonly unknown[];
    if (items.length < least || items.length > most) {
      refuse("LENGTH_INVALID", pointer, `not ${least} to ${most} entries`);
    }
    for (let index = 0; index < items.length; index++) item(items[index], `${pointer}/${index}`);
  };
}

/** A rule and the pointer that it reports, computed once instead of for every job. */
export interface Member {
  readonly rule: FieldRule;
  readonly pointer: string;
}

export function membersOf(parent: string, rules: Readonly<Record<string, FieldRule>>): ReadonlyMap<string, Member> {
  return new Map(Object.entries(rules).map(([name, rule]) => [name, { rule, pointer: `${parent}/${name}` }]));
}

/** Accepts an object with these members only. Ignoring a misspelt member would change how the job runs. */
export function closedRule(members: ReadonlyMap<string, Member>, required: readonly string[] = []): FieldRule {
  return (value, pointer) => {
    const fields = object(value, pointer);
    for (const name of Object.keys(fields)) {
      const member = members.get(name);
      if (member === undefined) {
        return refuse("FIELD_UNKNOWN", pointer + step(name), `not one of ${[...members.keys()].join(", ")}`);
      }
      present(fields[name], member.pointer);
      member.rule(fields[name], member.pointer);
    }
    for (const name of required) requireField(fields, name, pointer);
  };
}

/**
 * Returns one step of a JSON Pointer to an unknown name. The name is cut, since a foreign producer may write one of any
 * length.
 */
export function step(name: string): string {
  const [shown = ""] = /^.{0,64}/su.exec(name) ?? [];
  return `/${shown.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function requireField(fields: Fields, name: string, pointer: string): void {
  if (!Object.hasOwn(fields, name)) refuse("FIELD_MISSING", `${pointer}/${name}`, "this field is required");
}

export function present(value: unknown, pointer: string): void {
  if (value === null) refuse("FIELD_NULL", pointer, "null; leave the field out instead");
}

export function object(value: unknown, pointer: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) wrongType(value, pointer, "an object");
  return value as Fields;
}

function named(longest: number, form: RegExp, code: EnvelopeCode, fault: string): FieldRule {
  const length = stringRule(longest);
  return (value, pointer) => {
    length(value, pointer);
    if (!form.test(value as string)) refuse(code, pointer, fault);
  };
}

function text(value: unknown, pointer: string): string {
  if (typeof value !== "string") wrongType(value, pointer, "a string");
  return value as string;
}

function wrongType(value: unknown, pointer: string, wanted: string): never {
  const kind = Array.isArray(value) ? "array" : typeof value;
  const found = value === null ? "null" : `${/^[ao]/.test(kind) ? "an" : "a"} ${kind}`;
  return refuse("FIELD_TYPE", pointer, `${found}; write ${wanted}`);
}
