import { maskUrl } from "../../values/mask-url.ts";
import { configInvalid } from "./option-checks.ts";

/** How the URL of a server is written. */
export interface ServerUrlRules {
  /** As in "a Redis URL". */
  readonly kind: string;
  /** Without colon: ["redis", "rediss"]. */
  readonly schemes: readonly string[];
  /** As in "redis://host:6379/0". */
  readonly example: string;
  /** What may hold characters that need an escape: "user, password and prefix". */
  readonly escaped: string;
  /** A parameter that holds a URL of its own, with an `@`. Default: none. */
  readonly nested?: string;
  /** The URL in errors. Default: itself without secrets, in quotes. */
  readonly shown?: string;
}

/**
 * Parses the URL of a server. Throws `CONFIG_INVALID` for another scheme, for a fragment, and for an `@` behind the host:
 * it follows half a password, which no later error may show.
 */
export function parseServerUrl(given: string, rules: ServerUrlRules): URL {
  const { kind, schemes, example, escaped, nested, shown = shownUrl(given) } = rules;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase() ?? "";
  if (!schemes.includes(scheme) || !URL.canParse(given)) {
    throw configInvalid(`${shown} is not ${kind}; write it as ${example}`);
  }
  const url = new URL(given);
  assertNoFragment(url.hash, shown);
  const query = nested === undefined ? url.search : url.search.replace(new RegExp(`([?&]${nested}=)[^&]*`), "$1");
  if (`${url.pathname}${query}`.includes("@")) {
    throw configInvalid(`${shown} has an @ behind its host; in ${escaped} write / as %2F, ? as %3F, @ as %40`);
  }
  return url;
}

/** Returns the URL as errors show it: without secrets, in quotes. Never throws. */
export const shownUrl = (url: string): string => `"${maskUrl(url)}"`;

/** Throws `CONFIG_INVALID` for a fragment. `hash` is the URL from its `#`, or nothing. */
export function assertNoFragment(hash: string | undefined, shown: string): void {
  if (hash === undefined || hash === "") return;
  throw configInvalid(`${shown} has a fragment, which means nothing here; remove it, or write # as %23`);
}

/** Decodes percent escapes. Throws `CONFIG_INVALID` for a `%` that is none. `what` is as in "the password". */
export function decodeUrlPart(part: string, what: string, shown: string): string {
  try {
    return decodeURIComponent(part);
  } catch (thrown) {
    throw configInvalid(`${shown}: ${what} has a % that is not an escape; write a real percent sign as %25`, thrown);
  }
}
