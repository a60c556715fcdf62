import { readFileSync } from "node:fs";
import { unknownName } from "../../known-options.ts";
import { toError } from "../../values/thrown.ts";
import { configInvalid } from "./option-checks.ts";

/** How one parameter of a URL is read. */
export interface UrlParameter<T> {
  /** Returns the value; null for text that is none; undefined for one that is accepted and means nothing here. May throw. */
  readonly read: (text: string) => T | null | undefined;
  /** What to do instead of a value that is none, as in "write true or false". */
  readonly remedy: string;
  /** Whether it is of TLS alone. Absent: it is not. */
  readonly tls?: boolean;
}

/** The parameters that a URL may have, by name. */
export type UrlParameterTable = Readonly<Record<string, UrlParameter<unknown>>>;

/** The values of those that a URL has. */
export type UrlValues<Table extends UrlParameterTable> = {
  readonly [Name in keyof Table]?: Table[Name] extends UrlParameter<infer T> ? T : never;
};

/** Any text. */
export const anyText: UrlParameter<string> = { read: (given) => given, remedy: "write a text" };

/** `true` or `false`. */
export const trueOrFalse: UrlParameter<boolean> = {
  read: (given) => (given === "true" ? true : given === "false" ? false : null),
  remedy: "write true or false",
};

/** Digits alone. What the number may be is checked where options are. */
export const digits: UrlParameter<number> = {
  read: (given) => (/^\d+$/.test(given) ? Number(given) : null),
  remedy: "write a whole number",
};

/** The content of a PEM file, named by its path. */
export const pemFile: UrlParameter<string> = {
  read: (path) => readFileSync(path, "utf8"),
  remedy: "name a PEM file that can be read",
  tls: true,
};

/** One of these values, in upper or lower case. Never throws. */
export function oneOf<const T extends string | number>(...values: readonly T[]): UrlParameter<T> {
  return {
    read: (given) => values.find((value) => String(value).toLowerCase() === given.toLowerCase()) ?? null,
    remedy: `write one of ${values.join(", ")}`,
  };
}

/** Text of that shape. Never throws. */
export function matching(pattern: RegExp, remedy: string): UrlParameter<string> {
  return { read: (given) => (pattern.test(given) ? given : null), remedy };
}

/** Text of that shape, or any: accepted because other programs share the URL, and not used. Never throws. */
export function ignored(pattern: RegExp = /^/, remedy: string = ""): UrlParameter<never> {
  return { read: (given) => (pattern.test(given) ? undefined : null), remedy };
}

/** Where parameters stand. */
export interface UrlParameterPlace {
  /** The URL in errors, without secrets: `"redis://host"`, with its quotes, or "the postgres URL". */
  readonly shown: string;
  /** What a URL with TLS begins with, such as "rediss://", where this one has no TLS. Null: it has. */
  readonly tlsScheme?: string | null;
  /** What to write instead, by the name of a parameter that stands elsewhere in a URL. Default: none. */
  readonly instead?: Readonly<Record<string, string>>;
  /** The names that an error about an unknown one lists. Default: all. */
  readonly known?: readonly string[];
}

/**
 * Reads a URL's parameters. Throws `CONFIG_INVALID` for one that is not in the table, stands twice or has no value of its
 * kind, with what to write instead. What the URL does not have is absent, so that the result spreads into options.
 */
export function readUrlParameters<const Table extends UrlParameterTable>(
  query: Iterable<readonly [name: string, value: string]>,
  table: Table,
  place: UrlParameterPlace,
): UrlValues<Table> {
  const { shown, tlsScheme = null, instead = {}, known = Object.keys(table) } = place;
  const seen = new Set<string>();
  const values: Record<string, unknown> = {};
  for (const [name, given] of query) {
    const parameter = Object.hasOwn(table, name) ? table[name] : undefined;
    if (parameter === undefined) {
      const remedy = Object.hasOwn(instead, name) ? instead[name] : OF_CONNECT[name];
      if (remedy !== undefined) throw configInvalid(`${shown} has the parameter "${name}": ${remedy}`);
      throw configInvalid(`${shown} has an unknown parameter "${name}"; ${unknownName(name, known)}`);
    }
    if (seen.has(name)) throw configInvalid(`${shown} sets "${name}" twice; keep one`);
    seen.add(name);
    if (parameter.tls === true && tlsScheme !== null) {
      throw configInvalid(`${shown}: ${name} is "${given}", which is of TLS; begin the URL with "${tlsScheme}"`);
    }
    const value = valueOf(parameter, given, `${shown}: ${name} is "${given}"`);
    if (value !== undefined) values[name] = value;
  }
  return values as UrlValues<Table>;
}

/** Parameters that `connect` removes from a URL: one that arrives here was passed to the package itself. */
const OF_CONNECT: Readonly<Record<string, string>> = Object.assign(Object.create(null) as object, {
  ledger: "connect reads it; pass the URL to connect, or say connect(factory, { ledger })",
});

function valueOf({ read, remedy }: UrlParameter<unknown>, given: string, said: string): unknown {
  let value: unknown;
  try {
    value = read(given);
  } catch (thrown) {
    throw configInvalid(`${said} (${toError(thrown).message}); ${remedy}`, thrown);
  }
  if (value === null) throw configInvalid(`${said}; ${remedy}`);
  return value;
}
