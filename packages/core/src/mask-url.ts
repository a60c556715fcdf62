/** What may be shown of a URL's beginning: its scheme, also where it is misspelt. */
const HEAD =
  /^[\s"'`]*((?:rediss?|amqps?|postgres(?:ql)?|sqs|sqlite|memory|https?)(?:[:;]\/*|\/\/+)|[a-z][a-z0-9+.-]*:\/\/+)?(.*)$/is;
/** Hosts with their ports, a path and parameters, and nothing else: what may be shown of a URL's end. */
const PLACE =
  /^(?:\[[0-9a-f:.]+\]|[\w.-]*)(?::\d{1,5})?(?:,[\w.-]+(?::\d{1,5})?)*(?<path>\/[^\s@:#?"'`]*)?(?:\?(?<query>[^\s@#"'`]*))?$/i;
const SECRET = /(?:pass|pwd|secret|token|key|auth|credential|sig)[^=&;]*=/i;
/** An encoded URL within a parameter, as `listen` of `postgres:` may hold one. */
const NESTED = /^([^=]+=[a-z][a-z0-9+.-]*%3A%2F%2F).*%40/i;

/**
 * A URL fit for logs and errors: user and password are replaced. It shows only what it recognises as harmless: the scheme,
 * and behind the last `@` a host, a path and parameters. Passwords are often written with their `/`, `#` or `@` unescaped,
 * and URLs with quotes around them or a colon too few; then no parser agrees where the password ends, and all of it is
 * `***`. A file has neither user nor password, unless somebody takes it for a server.
 */
export function maskUrl(url: string): string {
  const file = /^(sqlite:(?!\/\/[^/])[^?]*)(?:\?(.*))?$/is.exec(url);
  if (file !== null) return `${file[1]}${file[2] === undefined ? "" : maskedQuery(file[2])}`;
  const [, head = "", rest = ""] = HEAD.exec(url) ?? [];
  const at = rest.lastIndexOf("@");
  // Its password may be a parameter's value, with an @ in it.
  if (at >= 0 && SECRET.test(rest.slice(0, at).replace(/^[^?]*/, ""))) return `${head}***`;
  const place = rest.slice(at + 1).replace(/[\s"'`]+$/, "");
  const shown = PLACE.exec(place);
  if (shown === null) return `${head}***`;
  const query = shown.groups?.["query"];
  const bare = query === undefined ? place : place.slice(0, -query.length - 1);
  return `${head}${at >= 0 ? "***@" : ""}${bare}${query === undefined ? "" : maskedQuery(query)}`;
}

/** What has no plain name is no parameter: half a password, it may be. */
function maskedQuery(query: string): string {
  const parts = query.split(/(?=[&;])/).map((part) => {
    const [, separator = "", text = ""] = /^([&;]?)(.*)$/s.exec(part) ?? [];
    if (text === "") return separator;
    const name = /^[a-z]\w*=/i.exec(text)?.[0];
    if (name === undefined) return `${separator}***`;
    if (SECRET.test(text)) return `${separator}${name}***`;
    return `${separator}${text.replace(NESTED, "$1***%40").replace(/:\/\/.*@/s, "://***@")}`;
  });
  return `?${parts.join("")}`;
}
