import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A server with enough of PostgreSQL's protocol for a login and `version()`. Every other statement fails. */
export interface OtherProduct {
  readonly url: string;
  /** Statements that were asked, in order. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

export async function startOtherProduct(version: string): Promise<OtherProduct> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let rest = Buffer.alloc(0);
    let started = false;
    let failed = false;
    const say = (...parts: Buffer[]): void => void socket.write(Buffer.concat(parts));
    socket
      .on("error", () => undefined)
      .on("data", (bytes: Buffer) => {
        rest = Buffer.concat([rest, bytes]);
        while (rest.length >= (started ? 5 : 4)) {
          const length = rest.readInt32BE(started ? 1 : 0) + (started ? 1 : 0);
          if (rest.length < length) return;
          const [message, kind] = [
            rest.subarray(started ? 5 : 4, length),
            started ? rest.toString("latin1", 0, 1) : "",
          ];
          rest = rest.subarray(length);
          if (!started) {
            started = true;
            say(packet("R", int32(0)), packet("K", int32(1), int32(1)), ready);
          } else if (kind === "Q") {
            const text = message.toString("utf8", 0, message.length - 1);
            asked.push(text);
            if (/\bversion\(\)/.test(text)) say(column, row(version), packet("C", cstring("SELECT 1")), ready);
            else say(syntaxError, ready);
          } else if (kind === "P") {
            asked.push(message.toString("utf8").split("\0")[1] ?? "");
            failed = true;
          } else if (kind === "S") {
            say(...(failed ? [syntaxError] : []), ready);
            failed = false;
          }
        }
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `postgres://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}/db`,
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`);

function packet(kind: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(kind), int32(body.length + 4), body]);
}

const ready = packet("Z", Buffer.from("I"));
const syntaxError = packet("E", cstring("SERROR"), cstring("C42601"), cstring("Msyntax error"), Buffer.from([0]));
const column = packet("T", int16(1), cstring("version"), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(0));
const row = (text: string): Buffer => packet("D", int16(1), int32(Buffer.byteLength(text)), Buffer.from(text));
