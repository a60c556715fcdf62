import { Server } from "node:net";
import { type FauxqsServer, startFauxqs } from "fauxqs";

/** The emulator insists on every interface of the machine; ours stays on 127.0.0.1. */
export async function listenOnLoopback(options: { port: number; dataDir?: string }): Promise<FauxqsServer> {
  const { listen } = Server.prototype;
  Server.prototype.listen = function onLoopback(this: Server, ...args: unknown[]): Server {
    const [first, ...rest] = args;
    const told = typeof first === "object" && first !== null ? { ...first, host: "127.0.0.1" } : first;
    return Reflect.apply(listen, this, [told, ...rest]) as Server;
  };
  try {
    return await startFauxqs({ logger: false, ...options });
  } finally {
    Server.prototype.listen = listen;
  }
}
