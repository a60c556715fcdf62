import { Agent as HttpAgent, type ClientRequest, request as httpRequest, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { urlToHttpOptions } from "node:url";
import { WaybillError } from "@waybill/core";
import { maskUrl } from "@waybill/core/backend";

/** Where a sender posts, and the connections it keeps there. */
export interface Target {
  /** For logs: without its query, which may hold a secret. */
  readonly shown: string;
  /** A connection is ready only after the TLS handshake. */
  readonly secure: boolean;
  /** `reuse` false: over a connection of its own, whatever idle ones there are. */
  open(options: RequestOptions, reuse: boolean): ClientRequest;
}

const UNIX = /^http:\/\/unix:(\/[^:?#]+)(?::(\/[^#]*))?$/;

/** From "http://…", "https://…", or "http://unix:/path/to.sock:/work" as nginx writes it. Throws `CONFIG_INVALID`. */
export function targetOf(to: string): Target {
  const [, socketPath, unixPath = "/"] = UNIX.exec(to) ?? [];
  if (socketPath !== undefined) return socketTarget(to, socketPath, unixPath);
  const url = URL.canParse(to) ? new URL(to) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    // With a typing error in it, a URL with a password is no URL.
    const shown = maskUrl(to).replace(/\?.*/s, "");
    throw refuse(`is "${shown}": use http://HOST/PATH, https://HOST/PATH or http://unix:/PATH/TO.SOCK:/PATH`);
  }
  if (url.username !== "" || url.password !== "") {
    throw refuse("has a user or a password in it: receivers know their senders by `keys`");
  }
  const { hostname, port, path } = urlToHttpOptions(url);
  const base: RequestOptions = { host: hostname ?? "", port: port || null, path: path || "/" };
  const secure = url.protocol === "https:";
  // Free connections do not keep a process alive; the server's `Keep-Alive: timeout` ends them in time.
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const request = secure ? httpsRequest : httpRequest;
  return {
    shown: `${url.origin}${url.pathname}`,
    secure,
    open: (options, reuse) => request({ ...base, ...options, agent: reuse && agent }),
  };
}

function socketTarget(to: string, socketPath: string, path: string): Target {
  if (!/^[\x21-\x7e]+$/.test(path)) throw refuse(`is at "${path}": write what stands in its path in percent-encoding`);
  const agent = new HttpAgent({ keepAlive: true });
  return {
    shown: to.replace(/\?.*$/, ""),
    secure: false,
    open: (options, reuse) => httpRequest({ socketPath, path, ...options, agent: reuse && agent }),
  };
}

function refuse(what: string): WaybillError {
  return new WaybillError("CONFIG_INVALID", `where to push ${what}`);
}
