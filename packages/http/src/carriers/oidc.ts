import { errorMessage, WaybillError } from "@waybill/core";
import { errorCode, isInstance } from "@waybill/core/door";
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify, type JWTVerifyGetKey } from "jose";
import { forbidden, PushRefused } from "../problem.ts";
import { header, type HeaderFields } from "../push.ts";

/** Which of Google's senders may push, as their tokens say. */
export interface OidcOptions {
  /** What the tokens are made out for, as the sender is set: by default the URL it posts to. Any of several. */
  readonly audience: string | readonly string[];
  /** E-mail addresses of the service accounts that may push: everybody on Google can have tokens for your audience. */
  readonly serviceAccounts: readonly string[];
  /**
   * The keys that sign tokens: a key set, a URL to fetch one from, or a function. Default Google's, fetched when they are
   * first needed and kept for an hour.
   */
  readonly jwks?: JSONWebKeySet | URL | string | JWTVerifyGetKey;
}

const GOOGLE_KEYS = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS = ["https://accounts.google.com", "accounts.google.com"];
const STRIPPED =
  "Cloud Run took the signature off its token: let everybody invoke the service, and this door check who does";
/** Clocks differ by this much at the most, in seconds. */
export const LEEWAY_S = 30;

/**
 * Checks the bearer token of a request: RS256 by one of the keys, issuer, audience, expiry, and a verified e-mail address
 * on the list. The token covers nothing else of the request, and the same one comes with many. Rejects `PushRefused`: 403
 * for a token that proves nothing, 503 when the keys could not be had. Throws `CONFIG_INVALID`.
 */
export function bearerProof(options: OidcOptions, carrier: string): (headers: HeaderFields) => Promise<void> {
  const audience = listOf(options.audience, `the audience of ${carrier}`);
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

/** Why a token proves nothing, by what jose calls it; the token itself is never shown. Anything else is an error of ours. */
export function tokenRefusal(thrown: unknown): unknown {
  const code = codeOf(thrown);
  if (!/^ERR_(JOSE|JWT|JWS|JWKS|JWK)_/.test(code)) return thrown;
  const claim = isInstance(thrown, Error) && "claim" in thrown ? ` at "${thrown.claim}"` : "";
  return forbidden(`its token is refused: ${code}${claim}`);
}

/** One text or several, none of them empty. */
export function listOf(value: string | readonly string[], name: string): string[] {
  const list = typeof value === "string" ? [value] : [...value];
  if (list.length > 0 && list.every((one) => typeof one === "string" && one !== "")) return list;
  throw new WaybillError("CONFIG_INVALID", `${name}: give at least one, and none that is empty`);
}

/** What the keys say of a token, beside a key: that none of them is meant. All else is a failure to get at them. */
const NO_KEY = new Set(["ERR_JWKS_NO_MATCHING_KEY", "ERR_JWKS_MULTIPLE_MATCHING_KEYS", "ERR_JOSE_NOT_SUPPORTED"]);

function keysFrom(jwks: Exclude<OidcOptions["jwks"], undefined>, carrier: string): JWTVerifyGetKey {
  const find = typeof jwks === "function" ? jwks : keySet(jwks, carrier);
  return async (protectedHeader, token) => {
    try {
      return await find(protectedHeader, token);
    } catch (thrown) {
      if (NO_KEY.has(codeOf(thrown))) throw thrown;
      throw new PushRefused(503, "KEYS_UNAVAILABLE", `its keys could not be had: ${errorMessage(thrown)}`);
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

/** Keys that come in the clear could be anybody's. */
function keyUrl(text: string, carrier: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLocal = url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url?.protocol === "https:" || (url !== null && isLocal)) return url;
  throw new WaybillError("CONFIG_INVALID", `the jwks of ${carrier} is not to be fetched from: give an https URL`);
}

function codeOf(thrown: unknown): string {
  return errorCode(thrown);
}
