import { connect } from "node:net";

/**
 * Whether something at 127.0.0.1:`port` answers `question` with bytes that match; with no question, whether it accepts a
 * connection. Never rejects; false after a second of silence.
 */
export function answers(port: number, question?: string, expected: RegExp = /^/): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: 1_000 });
    const end = (answer: boolean) => {
      resolve(answer);
      socket.destroy();
    };
    socket.on("error", () => end(false));
    socket.on("timeout", () => end(false));
    socket.on("close", () => end(false));
    socket.on("connect", () => {
      if (question === undefined) end(true);
      else socket.write(question, "latin1");
    });
    socket.on("data", (bytes) => end(expected.test(bytes.toString("latin1"))));
  });
}
