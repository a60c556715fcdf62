import { configInvalid, decodeUrlPart, parseServerUrl, shownUrl } from "@waybill/core/backend";

/** Where a URL says that Redis is. */
export interface Location {
  readonly host: string;
  readonly port: number;
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
  readonly tls: boolean;
}

/** Reads where Redis is from a URL without parameters. Throws `CONFIG_INVALID`. */
export function locationOf(url: string): Location {
  const { protocol, hostname, port, username, password, pathname } = parseRedisUrl(url);
  const shown = shownUrl(url);
  if (username !== "" && password === "") {
    throw configInvalid(`${shown} has a user and no password; a password alone is written redis://:PASSWORD@host`);
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? 6_379 : Number(port),
    username: username === "" ? null : decodeUrlPart(username, "the user", shown),
    password: password === "" ? null : decodeUrlPart(password, "the password", shown),
    db: databaseOf(pathname, shown),
    tls: protocol === "rediss:",
  };
}

/** Throws `CONFIG_INVALID` for a URL of something else. */
export function parseRedisUrl(url: string): URL {
  const parsed = parseServerUrl(url, {
    kind: "a Redis URL",
    schemes: ["redis", "rediss"],
    example: "redis://host:6379/0",
    escaped: "user, password and prefix",
  });
  if (parsed.hostname === "") throw configInvalid(`${shownUrl(url)} names no host; write it as redis://host:6379/0`);
  return parsed;
}

/** Clients disagree about a path that is no number: some ignore it, and jobs land in database 0. */
function databaseOf(path: string, shown: string): number {
  const [, first = "", ...rest] = path.split("/");
  if (rest.length > 0) {
    const prefix = rest.find((segment) => segment !== "");
    const example = `${first === "" ? "" : `/${first}`}?prefix=${prefix}`;
    const remedy = prefix === undefined ? `end the URL after "/${first}"` : `for a prefix, write ${example}`;
    throw configInvalid(`${shown} has more in its path than a database number; ${remedy}`);
  }
  if (first === "") return 0;
  if (/^\d{1,9}$/.test(first)) return Number(first);
  throw configInvalid(`${shown}: "${first}" is no database number; for a prefix, write ?prefix=${first}`);
}
