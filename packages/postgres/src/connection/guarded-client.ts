import type { Duplex } from "node:stream";
import { toError } from "@waybill/core";
import { Client, type ClientConfig } from "pg";

/**
 * A client that survives a reply which cannot be parsed. The parser of `pg` throws in the socket's "data" listener, where no
 * caller can catch it, and the process ends. Here the error ends the connection instead.
 */
export class GuardedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    // Both are emitted before the first reply is read. With TLS, replies come from a second stream.
    for (const opened of ["connect", "sslconnect"]) this.connection.on(opened, () => guardReplies(this));
  }

  /** Lets the process end while the socket is open. The types of `pg` lack `unref`, which its pool uses. */
  letProcessEnd(): void {
    (this as unknown as { unref(): void }).unref();
  }
}

/**
 * From now on, an error while a reply is read destroys the connection, which rejects the statements under way. Returns a
 * function that ends this. Does nothing to a client without a stream (`pg-native`), which has no parser in JavaScript.
 */
export function guardReplies(client: { readonly connection?: { readonly stream?: Duplex } }): () => void {
  const stream = client.connection?.stream;
  if (stream === undefined) return () => undefined;
  const { emit } = stream;
  stream.emit = (event: string | symbol, ...args: unknown[]) => {
    try {
      return Reflect.apply(emit, stream, [event, ...args]) as boolean;
    } catch (thrown) {
      if (event !== "data") throw thrown;
      stream.destroy(toError(thrown));
      return true;
    }
  };
  return () => void (stream.emit = emit);
}
