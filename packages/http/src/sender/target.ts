import { Agent as HttpAgent, type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { urlToHttpOptions } from "node:url";
import { WaybillError } from "@waybill/core";
import { maskUrl, describeValue } from "@waybill/core/backend";

/** The URL a sender posts to, and its open connections. */
export interface Target {
  /** The URL for logs, without its query, which may contain a secret. */
  readonly shown: string;
  /** True: a connection is ready only after the TLS handshake. */
  readonly secure: boolean;
  /** Begins a request. `reuse` false: on a new connection, even if idle ones are open. */
  open(options: RequestOptions, reuse: boolean): ClientRequest;
}

const UNIX = /^http:\/\/unix:(\/[^:?#]+)(?::(\/[^#]*))?$/;

/**
 * Parses "http://…", "https://…", or "http://unix:/path/to.sock:/work" as nginx writes it. Throws `CONFIG_INVALID` for any
 * other text; the error masks a password.
 */
export function targetOf(to: string | undefined): Target {
  if (typeof to !== "string") throw configError(`is ${describeValue(to)}: give a text, such as "https://HOST/work"`);
  const [, socketPath, unixPath = "/"] = UNIX.exec(to) ?? [];
  if (socketPath !== undefined) return socketTarget(to, socketPath, unixPath);
  const url = URL.canParse(to) ? new URL(to) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // A mistyped URL does not parse, and may contain a password.
    const masked = maskUrl(to).replace(/\?.*/s, "");
    throw configError(`is "${masked}": use http://HOST/PATH, https://HOST/PATH or http://unix:/PATH/TO.SOCK:/PATH`);
  }
  if (url.username !== "" || url.password !== "") {
    throw configError("contains a user or a password: receivers authenticate senders by `keys`");
  }
  const { hostname, port, path } = urlToHttpOptions(url);
  const base: RequestOptions = { host: hostname ?? "", port: port || null, path: path || "/" };
  const secure = url.protocol === "https:";
  // Idle connections do not keep the process alive; the server's `Keep-Alive: timeout` closes them.
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const request = secure ? httpsRequest : httpRequest;
  return {
    shown: `${url.origin}${url.pathname}`,
    secure,
    open: (options, reuse) => request({ ...base, ...options, agent: reuse && agent }),
  };
}

function socketTarget(to: string, socketPath: string, path: string): Target {
  if (!/^[\x21-\x7e]+$/.test(path)) throw configError(`is at "${path}": percent-encode its path`);
  const agent = new HttpAgent({ keepAlive: true });
  return {
    shown: to.replace(/\?.*$/, ""),
    secure: false,
    open: (options, reuse) => httpRequest({ socketPath, path, ...options, agent: reuse && agent }),
  };
}

function configError(what: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", `the URL to push to ${what}`);
}
