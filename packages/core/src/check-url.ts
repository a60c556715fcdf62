import { WaybillError } from "./errors.ts";
import { maskUrl } from "./mask-url.ts";

/**
 * Throws `CONFIG_INVALID` for a URL that looks wrong or has none of the schemes, with what to write instead. `scheme` is
 * what it was read as. Loaded by `schemes.ts` when there is a URL, so that a bundle has it in a chunk of its own.
 */
export function checkUrl(url: string, scheme: string, schemes: readonly string[]): void {
  const fault = faultOf(url);
  if (fault !== null) throw invalid(`"${maskUrl(url)}" is no URL of a backend: ${fault}`);
  if (schemes.includes(scheme)) return;
  throw invalid(`no backend answers for "${maskUrl(url)}"; a URL starts with one of: ${schemes.join(", ")}`);
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);

/** What every URL of a server begins with, by scheme. `sqlite:` and `memory:` have no slashes. */
const SERVERS = /^(rediss?|amqps?|postgres(?:ql)?|sqs)/i;

/** A database by its socket has no host there: `postgres:///shop?host=/var/run/postgresql`. */
const SOCKET = /^postgres(?:ql)?:\/\/\/[^/@:?]+(?:\?[^@]*)?$/i;

/** A clause that says what to write; null for nothing. It shows the scheme alone: what is malformed may be a password. */
function faultOf(url: string): string | null {
  if (/^["'`]|["'`]$/.test(url)) return "it has quotes around it; remove them";
  if (/^[a-z_][a-z0-9_]*=["'`]?[a-z]+:/i.test(url))
    return "it begins with the name of a variable; write what is behind the =";
  const [scheme] = SERVERS.exec(url) ?? [];
  if (scheme === undefined) return null;
  const rest = url.slice(scheme.length);
  if (/^[^a-z0-9+.-]/i.test(rest) && !/^:\/\/(?!\/)/.test(rest) && !SOCKET.test(url))
    return `it does not begin with "${scheme}://"; write that`;
  // A URL's parser drops some of it unseen, and a password is then another one.
  if (/[\s\p{Cc}]/u.test(rest)) return "it has white space or a control character in it; write a blank as %20";
  if (/,[a-z+]+:\/\//i.test(rest)) return "it has more than one URL in it; name one";
  return null;
}
