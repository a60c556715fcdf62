/** The part of a URL's beginning that may be shown: its scheme, also a misspelt one. */
const HEAD =
  /^[\s"'`]*((?:rediss?|amqps?|postgres(?:ql)?|sqs|sqlite|memory|https?)(?:[:;]\/*|\/\/+)|[a-z][a-z0-9+.-]*:\/\/+)?(.*)$/is;
/** The part of a URL's end that may be shown: hosts with their ports, a path and parameters, and nothing else. */
const PLACE =
  /^(?:\[[0-9a-f:.]+\]|[\w.-]*)(?::\d{1,5})?(?:,[\w.-]+(?::\d{1,5})?)*(?<path>\/[^\s@:#?"'`]*)?(?:\?(?<query>[^\s@#"'`]*))?$/i;
const SECRET = /(?:pass|pwd|secret|token|key|auth|credential|sig)[^=&;]*=/i;
/** An encoded URL in a parameter, such as `listen` of `postgres:`. */
const NESTED = /^([^=]+=[a-z][a-z0-9+.-]*%3A%2F%2F).*%40/i;

/**
 * Returns a URL for logs and errors, with user and password replaced. It keeps the scheme and, after the last `@`, a host, a
 * path and parameters. Passwords are often written with `/`, `#` or `@` unescaped, and URLs with quotes or without a colon;
 * then parsers do not agree where the password ends, and all of it becomes `***`. The path of a file is kept, since it has no
 * user or password.
 */
export function maskUrl(url: string): string {
  const file = /^(sqlite:(?!\/\/[^/])[^?]*)(?:\?(.*))?$/is.exec(url);
  if (file !== null) return `${file[1]}${file[2] === undefined ? "" : maskedQuery(file[2])}`;
  const [, head = "", rest = ""] = HEAD.exec(url) ?? [];
  const at = rest.lastIndexOf("@");
  // The password may be the value of a parameter and contain an @.
  if (at >= 0 && SECRET.test(rest.slice(0, at).replace(/^[^?]*/, ""))) return `${head}***`;
  const place = rest.slice(at + 1).replace(/[\s"'`]+$/, "");
  const shown = PLACE.exec(place);
  if (shown === null) return `${head}***`;
  const query = shown.groups?.["query"];
  const bare = query === undefined ? place : place.slice(0, -query.length - 1);
  return `${head}${at >= 0 ? "***@" : ""}${bare}${query === undefined ? "" : maskedQuery(query)}`;
}

/** A part without a plain name is not a parameter: it may be half of a password. */
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
