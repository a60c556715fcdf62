import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWTPayload, SignJWT } from "jose";

export const AUDIENCE = "https://jobs.example.com/work";
export const ACCOUNT = "tasks@project.iam.gserviceaccount.com";

/** Signs tokens as Google does, with keys made here. */
export interface Google {
  readonly jwks: JSONWebKeySet;
  /** A token as Cloud Tasks and Pub/Sub send it, with these changes. */
  token(changes?: Changes, header?: { readonly kid?: string }): Promise<string>;
}

export async function google(kid = "k1"): Promise<Google> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  return {
    jwks: { keys: [{ ...jwk, kid, alg: "RS256", use: "sig" }] },
    token: (changes = {}, header = {}) =>
      new SignJWT(jwtClaims(changes)).setProtectedHeader({ alg: "RS256", typ: "JWT", kid, ...header }).sign(privateKey),
  };
}

export const now = (): number => Math.floor(Date.now() / 1_000);

/** Changes to a token's JWT claims; undefined omits one. */
export type Changes = Readonly<Record<string, unknown>>;

export function jwtClaims(changes: Changes = {}): JWTPayload {
  const common = {
    iss: "https://accounts.google.com",
    aud: AUDIENCE,
    sub: "1098",
    email: ACCOUNT,
    email_verified: true,
  };
  return { ...common, iat: now(), exp: now() + 3_600, ...changes };
}

/** The same without a signature, or with any that is given. */
export function forged(header: object, payload: object, signature = ""): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part(header)}.${part(payload)}.${signature}`;
}

/** A key server on loopback, which can be stopped and counts requests. */
export async function serveKeys(jwks: JSONWebKeySet) {
  const state = { jwks: jwks as unknown, status: 200, asked: 0 };
  const server = createServer((_request, response) => {
    state.asked += 1;
    response.writeHead(state.status, { "content-type": "application/json" }).end(JSON.stringify(state.jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    state,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
