import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Proxy, startProxy } from "../src/index.ts";

let server: Server;
let proxy: Proxy;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await proxy.close();
  server.close();
});

/** A client behind a proxy of a server that repeats what it reads. */
async function wired(): Promise<{ client: Socket; read: string[]; returned: string[] }> {
  const read: string[] = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket
      .on("error", () => {})
      .on("data", (chunk) => {
        read.push(String(chunk));
        socket.write(chunk);
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await startProxy({ port: (server.address() as AddressInfo).port });
  const client = connect(proxy.port, "127.0.0.1");
  sockets.push(client);
  const returned: string[] = [];
  client.on("error", () => {}).on("data", (chunk) => returned.push(String(chunk)));
  await once(client, "connect");
  return { client, read, returned };
}

test("where requests are cut off none arrives until the proxy is healed", async () => {
  const { client, read, returned } = await wired();
  proxy.cut("silence", "requests");
  client.write("a");
  await sleep(50);
  expect(read).toEqual([]);
  proxy.heal();
  await expect.poll(() => returned.join("")).toBe("a");
});

test("where replies are cut off the requests arrive", async () => {
  const { client, read, returned } = await wired();
  proxy.cut("silence", "replies");
  client.write("a");
  await expect.poll(() => read.join("")).toBe("a");
  await sleep(50);
  expect(returned).toEqual([]);
  proxy.heal();
  await expect.poll(() => returned.join("")).toBe("a");
});

test("a delay of one way keeps the order, and ends when it is 0", async () => {
  const { client, returned } = await wired();
  proxy.delay(80, "replies");
  const began = performance.now();
  client.write("a");
  await expect.poll(() => returned.join("")).toBe("a");
  expect(performance.now() - began).toBeGreaterThan(75);
  client.write("b");
  await sleep(20);
  proxy.delay(0);
  client.write("c");
  await expect.poll(() => returned.join("")).toBe("abc");
});
