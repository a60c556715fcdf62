import { connect } from "node:net";

/**
 * Whether a server at 127.0.0.1:`port` responds to `request` with bytes that match; without a request, whether it accepts a
 * connection. Never rejects; false after a second without a response.
 */
export function responds(port: number, request?: string, expected: RegExp = /^/): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const end = (found: boolean) => {
      resolve(found);
      socket.destroy();
    };
    socket.on("error", () => end(false));
    socket.on("timeout", () => end(false));
    socket.on("close", () => end(false));
    socket.on("connect", () => {
      if (request === undefined) end(true);
      else socket.write(request, "latin1");
    });
    socket.on("data", (bytes) => end(expected.test(bytes.toString("latin1"))));
  });
}
