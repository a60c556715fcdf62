import type { Duplex } from "node:stream";
import { toError } from "@waybill/core";
import { Client, type ClientConfig } from "pg";

/**
 * A client that outlives a reply which cannot be read. The parser of `pg` throws in the socket's "data" listener, where
 * no caller can catch it, and the process ends. Here the throw becomes the connection's error.
 */
export class GuardedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    // Both come before the first reply is read. With TLS the replies come from a second stream.
    for (const opened of ["connect", "sslconnect"]) this.connection.on(opened, () => guardReplies(this));
  }
}

/**
 * From now on a throw while a reply is read destroys the connection with that error, which rejects the statements under
 * way. Returns what ends this. A client without a stream (`pg-native`) stays as it is: it has no parser in JavaScript.
 */
export function guardReplies(client: { readonly connection?: { readonly stream?: Duplex } }): () => void {
  const stream = client.connection?.stream;
  if (stream === undefined) return () => undefined;
  const { emit } = stream;
  stream.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event !== "data") return Reflect.apply(emit, stream, [event, ...args]) as boolean;
    try {
      return Reflect.apply(emit, stream, [event, ...args]) as boolean;
    } catch (thrown) {
      stream.destroy(toError(thrown));
      return true;
    }
  };
  return () => void (stream.emit = emit);
}
