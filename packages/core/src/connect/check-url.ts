import { WaybillError } from "../errors.ts";
import { maskUrl } from "../values/mask-url.ts";
import { insteadOf } from "./other-urls.ts";

/**
 * Throws `CONFIG_INVALID` for a malformed URL and for an unknown scheme, with what to write instead. `scheme` is the scheme
 * that was read from it. Loaded by `schemes.ts` when there is a URL, so that a bundler puts it into a separate chunk.
 */
export function checkUrl(url: string, scheme: string, schemes: readonly string[]): void {
  const fault = faultOf(url);
  if (fault !== null) throw invalid(`"${maskUrl(url)}" is no URL of a backend: ${fault}`);
  if (schemes.includes(scheme)) return;
  const instead = insteadOf(url);
  if (instead !== null) throw invalid(`no backend answers for "${maskUrl(url)}": ${instead}`);
  throw invalid(`no backend answers for "${maskUrl(url)}"; a URL starts with one of: ${schemes.join(", ")}`);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);

/** Schemes of servers, whose URLs begin with `//` after the scheme. `sqlite:` and `memory:` have no slashes. */
const SERVERS = /^(rediss?|amqps?|postgres(?:ql)?|sqs)/i;

/** A database by its socket has no host there: `postgres:///shop?host=/var/run/postgresql`. */
const SOCKET = /^postgres(?:ql)?:\/\/\/[^/@:?]+(?:\?[^@]*)?$/i;

/** Returns what is wrong and what to write; null for nothing. It shows the scheme alone: the malformed part may be a password. */
function faultOf(url: string): string | null {
  if (/^["'`]|["'`]$/.test(url)) return "it has quotes around it; remove them";
  if (/^[a-z_][a-z0-9_]*=["'`]?[a-z]+:/i.test(url))
    return "it begins with the name of a variable; write what is behind the =";
  const [scheme] = SERVERS.exec(url) ?? [];
  if (scheme === undefined) return null;
  const rest = url.slice(scheme.length);
  if (/^[^a-z0-9+.-]/i.test(rest) && !/^:\/\/(?!\/)/.test(rest) && !SOCKET.test(url))
    return `it does not begin with "${scheme}://"; write that`;
  // The URL parser removes some of them, which would change a password.
  if (/[\s\p{Cc}]/u.test(rest)) return "it has white space or a control character in it; write a blank as %20";
  if (/,[a-z+]+:\/\//i.test(rest)) return "it has more than one URL in it; name one";
  return null;
}
