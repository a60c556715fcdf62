import { WaybillError } from "../errors.ts";
import { maskUrl } from "../values/mask-url.ts";

/** A URL of a backend without its `ledger` parameter, and the URL in that parameter. */
export interface SplitUrl {
  readonly url: string;
  /** Null: the URL names no ledger. */
  readonly ledger: string | null;
}

/**
 * Removes the parameter `ledger` from a URL, so that a backend package never sees it. Throws `CONFIG_INVALID` for one that is
 * empty, given twice or not encoded.
 */
export function splitLedgerUrl(url: string): SplitUrl {
  const at = url.indexOf("?");
  if (at < 0 || !/[?&]ledger=/.test(url)) return { url, ledger: null };
  const parameters = url.slice(at + 1).split("&");
  const ledgers = parameters.filter((one) => one.startsWith("ledger="));
  const [first = "", ...more] = ledgers.map((one) => one.slice("ledger=".length));
  if (ledgers.length === 0) return { url, ledger: null };
  const shown = maskUrl(url);
  if (more.length > 0) throw invalid(`"${shown}" names two ledgers; name one`);
  if (first === "") throw invalid(`"${shown}" has an empty ledger; write its URL there, or leave it out`);
  const left = parameters.filter((one) => !one.startsWith("ledger="));
  const bare = url.slice(0, at);
  return { url: left.length === 0 ? bare : `${bare}?${left.join("&")}`, ledger: decoded(first, shown) };
}

function decoded(text: string, shown: string): string {
  // Behind a plain "?" it would be unclear which of the parameters that follow are whose.
  if (/[?#]/.test(text)) throw invalid(`the ledger in "${shown}" is not encoded; write encodeURIComponent of its URL`);
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`the ledger in "${shown}" is not encoded correctly; write encodeURIComponent of its URL`);
  }
}

const invalid = (message: string): WaybillError => new WaybillError("CONFIG_INVALID", message);
