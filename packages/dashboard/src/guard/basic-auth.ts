import { hash, timingSafeEqual } from "node:crypto";
import { WaybillError } from "@waybill/core";
import { assertKnownOptions, describeValue } from "@waybill/core/backend";
import type { Auth } from "../options.ts";

/** Options of `basicAuth`. */
export interface BasicAuthOptions {
  /** The name that the browser asks for. */
  readonly user: string;
  /** At least 12 characters. Undefined, as an environment variable that is not set, is refused. */
  readonly password: string | undefined;
}

/**
 * Returns an `auth` that asks the browser for one name and one password. Use it over TLS alone: the password is sent with each
 * request. Throws `CONFIG_INVALID` without a name, or for a password that is undefined or shorter than 12 characters.
 */
export function basicAuth(options: BasicAuthOptions): Auth {
  assertKnownOptions(options, { user: true, password: true }, "the options of basicAuth");
  const { user, password } = options;
  if (typeof user !== "string" || user === "" || user.includes(":"))
    throw new WaybillError(
      "CONFIG_INVALID",
      `the user of basicAuth is ${describeValue(user)}: pass a name without ":"`,
    );
  if (typeof password !== "string" || password.length < 12)
    throw new WaybillError(
      "CONFIG_INVALID",
      "the password of basicAuth is missing or short: pass at least 12 characters",
    );
  const wanted = digest(`${user}:${password}`);
  return (request) => {
    const [scheme = "", given = ""] = (request.headers.get("authorization") ?? "").split(" ");
    const isRight = timingSafeEqual(digest(Buffer.from(given, "base64").toString("utf8")), wanted);
    if (scheme.toLowerCase() === "basic" && isRight) return { user };
    return new Response("401: a name and a password are needed\n", {
      status: 401,
      headers: { "www-authenticate": 'Basic realm="waybill", charset="UTF-8"', "content-type": "text/plain" },
    });
  };
}

/** Texts of any length compare in the same time by their hashes. */
const digest = (text: string): Buffer => hash("sha256", text, "buffer");
