import { errorMessage, WaybillError } from "@waybill/core";
import { describeValue } from "@waybill/core/backend";
import { errorCode, isInstance } from "@waybill/core/endpoint";
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  jwtVerify,
  type JWTVerifyGetKey,
} from "jose";
import { forbidden, PushRefused } from "../push/push-refused.ts";
import { header, type HeaderFields } from "../push/push-request.ts";
import { differenceText } from "../push/stale-timestamp.ts";

/** Which of Google's senders may push, by their OIDC tokens. */
export interface OidcOptions {
  /** The audience set at the sender, by default the URL it posts to. One of several must match. */
  readonly audience: string | readonly string[] | undefined;
  /** E-mail addresses of the service accounts that may push. Any Google account can get a token for your audience. */
  readonly serviceAccounts: readonly string[] | undefined;
  /**
   * The keys that verify tokens: a key set, a URL to fetch one from, or a function. Default Google's, fetched when first
   * needed and kept for an hour.
   */
  readonly jwks?: JSONWebKeySet | URL | string | JWTVerifyGetKey | undefined;
}

const GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS = ["https://accounts.google.com", "accounts.google.com"];
const STRIPPED =
  "Cloud Run removed the signature of its token: allow unauthenticated invocations; this endpoint verifies the token";
/** How far clocks may differ, in seconds. */
export const LEEWAY_S = 30;

/**
 * Returns a check of a request's bearer token: RS256 by one of the keys, issuer, audience, expiry, and a verified e-mail
 * address on the list. The token covers nothing else of the request, and many requests have the same one. The check rejects
 * `PushRefused`: 403 for a token that does not verify, 503 if the keys could not be fetched. Throws `CONFIG_INVALID`.
 */
export function bearerProof(options: OidcOptions, carrier: string): (headers: HeaderFields) => Promise<void> {
  const audience = listOf(options.audience, `the audience of ${carrier}`);
  if (typeof options.serviceAccounts === "string") {
    const message = `the serviceAccounts of ${carrier} is a text: pass a list of e-mail addresses`;
    throw new WaybillError("CONFIG_INVALID", message);
  }
  const emails = new Set(listOf(options.serviceAccounts, `the serviceAccounts of ${carrier}`));
  const keys = keysFrom(options.jwks ?? GOOGLE_KEYS, carrier);
  return async (headers) => {
    const [, token] = /^Bearer +(\S+)$/i.exec(header(headers, "authorization") ?? "") ?? [];
    if (token === undefined) throw forbidden("it has no bearer token");
    if (token.endsWith(".SIGNATURE_REMOVED_BY_GOOGLE")) throw forbidden(STRIPPED);
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["RS256"],
      issuer: ISSUERS,
      audience,
      clockTolerance: LEEWAY_S,
      requiredClaims: ["exp", "email"],
    }).catch((thrown: unknown) => {
      throw tokenRefusal(thrown);
    });
    if (payload["email_verified"] !== true) throw forbidden("its token's e-mail address is not verified");
    if (!emails.has(String(payload["email"]))) throw forbidden("its token's e-mail address is not in serviceAccounts");
  };
}

/** Returns the refusal for an error of jose, without the token itself. Returns any other error unchanged. */
export function tokenRefusal(thrown: unknown): unknown {
  const code = codeOf(thrown);
  if (!/^ERR_(JOSE|JWT|JWS|JWKS|JWK)_/.test(code)) return thrown;
  const claim = isInstance(thrown, Error) && "claim" in thrown ? ` at "${thrown.claim}"` : "";
  return forbidden(`its token is refused: ${code}${claim}${clockText(thrown)}`);
}

/** Says how far the token's time is from this machine's clock, where that is why it is refused. Its signature was verified before. */
function clockText(thrown: unknown): string {
  if (!(isInstance(thrown, errors.JWTExpired) || isInstance(thrown, errors.JWTClaimValidationFailed))) return "";
  const { claim, payload } = thrown;
  const at = payload[claim];
  if ((claim !== "exp" && claim !== "nbf") || typeof at !== "number") return "";
  return `, which is ${differenceText(at * 1_000 - Date.now(), LEEWAY_S * 1_000, "the carrier")}`;
}

/** Returns one text or several as a list. Throws `CONFIG_INVALID` for an empty one; the error shows no text, which may be a secret. */
export function listOf(value: string | readonly string[] | undefined, name: string): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((one) => typeof one === "string" && one !== "")) return list as string[];
  const bad = list.find((one) => typeof one !== "string" || one === "");
  const said = list.length === 0 ? "an empty list" : bad === "" ? "empty" : describeValue(bad);
  const remedy = said === "undefined" ? "; is its environment variable set? Give" : ": give";
  throw new WaybillError("CONFIG_INVALID", `${name} is ${said}${remedy} at least one text, and none that is empty`);
}

/** Errors of a key set that mean the token is wrong. All others mean that the keys could not be fetched. */
const NO_KEY = new Set(["ERR_JWKS_NO_MATCHING_KEY", "ERR_JWKS_MULTIPLE_MATCHING_KEYS", "ERR_JOSE_NOT_SUPPORTED"]);

function keysFrom(jwks: Exclude<OidcOptions["jwks"], undefined>, carrier: string): JWTVerifyGetKey {
  const find = typeof jwks === "function" ? jwks : keySet(jwks, carrier);
  return async (protectedHeader, token) => {
    try {
      return await find(protectedHeader, token);
    } catch (thrown) {
      if (NO_KEY.has(codeOf(thrown))) throw thrown;
      throw new PushRefused(503, "KEYS_UNAVAILABLE", `its keys could not be fetched: ${errorMessage(thrown)}`);
    }
  };
}

function keySet(jwks: JSONWebKeySet | URL | string, carrier: string): JWTVerifyGetKey {
  if (typeof jwks === "string" || jwks instanceof URL) {
    return createRemoteJWKSet(keyUrl(String(jwks), carrier), { cacheMaxAge: 3_600_000, timeoutDuration: 5_000 });
  }
  try {
    return createLocalJWKSet(jwks);
  } catch (cause) {
    throw new WaybillError("CONFIG_INVALID", `the jwks of ${carrier} is no JSON Web Key Set`, { cause });
  }
}

/** Requires https: keys from a connection without TLS could be forged. */
function keyUrl(text: string, carrier: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLocal = url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url !== null && isLocal)) return url;
  throw new WaybillError("CONFIG_INVALID", `the jwks of ${carrier} is not safe to fetch from: give an https URL`);
}

function codeOf(thrown: unknown): string {
  return errorCode(thrown);
}
