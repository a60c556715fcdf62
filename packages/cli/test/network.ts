import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect as dial, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Runs `ip` and fails with what it says. */
export function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

/** A link between this network and that of a process: the name and the address of each end. */
export interface Link {
  readonly here: string;
  readonly there: string;
  readonly host: string;
  readonly guest: string;
}

/** Joins the network of a process, which must be its own already, to this one. */
export function link(pid: number, { here, there, host }: Link): void {
  ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", String(pid));
  onTestFinished(() => void spawnSync("ip", ["link", "delete", here]));
  ip("addr", "add", `${host}/30`, "dev", here);
  ip("link", "set", here, "up");
}

/** Passes what comes to this end of a link on to a server on loopback. Returns the port. */
export async function passedOn(port: number): Promise<number> {
  const server = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on("error", () => void [near, far].map((one) => one.destroy()));
  });
  // The address is there once the link is.
  await once(server.listen(0, "0.0.0.0"), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
