import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { Refusal } from "../refusal.ts";
import { hostOf } from "./hosts.ts";

/** Separates the page's own requests from those that another site makes a browser send. */
export interface WriteGuard {
  /** The token of one user, which only a page of this origin can read. */
  tokenOf(user: string): string;
  /** Throws a refusal for a request that the page did not send. */
  assertOwn(request: Request, user: string): void;
}

/** `secret`: null for one of this process alone. */
export function createWriteGuard(secret: string | null): WriteGuard {
  const key = secret ?? randomBytes(32);
  const tokenOf = (user: string): string =>
    createHmac("sha256", key).update(`waybill dashboard\n${user}`).digest("base64url");
  return {
    tokenOf,
    assertOwn(request, user) {
      const site = request.headers.get("sec-fetch-site");
      if (site !== null && site !== "same-origin") throw foreign(`Sec-Fetch-Site is "${site}"`);
      const origin = request.headers.get("origin");
      if (origin !== null && hostOfOrigin(origin) !== hostOf(request))
        throw foreign(`Origin is ${JSON.stringify(origin)}`);
      if (!(request.headers.get("content-type") ?? "").startsWith("application/json"))
        throw foreign("the body is not JSON");
      const given = Buffer.from(request.headers.get("x-waybill-token") ?? "");
      const wanted = Buffer.from(tokenOf(user));
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
        throw foreign("its token is missing or old; reload the page");
    },
  };
}

function hostOfOrigin(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host.toLowerCase() : null;
}

const foreign = (why: string): Refusal =>
  new Refusal(403, "FOREIGN_REQUEST", `this page did not send the request: ${why}`);
