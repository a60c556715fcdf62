import { Server } from "node:net";
import { type FauxqsServer, startFauxqs } from "fauxqs";

/** Starts the emulator on 127.0.0.1. By itself it listens on every interface of the machine. */
export async function listenOnLoopback(options: { port: number; dataDir?: string }): Promise<FauxqsServer> {
  const { listen } = Server.prototype;
  Server.prototype.listen = function onLoopback(this: Server, ...args: unknown[]): Server {
    const [first, ...rest] = args;
    const local = typeof first === "object" && first !== null ? { ...first, host: "127.0.0.1" } : first;
    return Reflect.apply(listen, this, [local, ...rest]) as Server;
  };
  try {
    return await startFauxqs({ logger: false, ...options });
  } finally {
    Server.prototype.listen = listen;
  }
}
