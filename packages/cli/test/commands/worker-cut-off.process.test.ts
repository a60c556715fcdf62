import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { startPostgres, startRabbit, startRedis } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { fixture, freshPlace, linesOf, start, until, waybill } from "../cli.ts";
import { ip, link, passedOn } from "../network.ts";

const HOST = "10.213.0.1";
const GUEST = "10.213.0.2";
const LEASE_MS = 3_000;

/** In a network of its own: waits for its end of the link, then becomes the command. */
const WAITS_FOR_THE_LINK = [
  "ip link set lo up",
  "until ip link show wbguest >/dev/null 2>&1; do sleep 0.05; done",
  `ip addr add ${GUEST}/30 dev wbguest && ip link set wbguest up`,
  'exec "$@"',
].join("\n");

const networkOf = (pid: number): string => {
  const { stdout } = spawnSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" });
  return stdout.trim();
};

test.for([
  ["redis", () => startRedis()],
  ["postgres", () => startPostgres()],
  ["rabbitmq", () => startRabbit()],
] as const)(
  "R37: cut off from %s and then told to end, a worker ends within its limits, not with 0, and its job runs elsewhere",
  { timeout: 120_000 },
  async ([, startServer], { skip }) => {
    if (process.getuid?.() !== 0) skip("only root may make a network namespace");
    const server = await startServer();
    onTestFinished(() => server.stop());
    const { env } = freshPlace();
    const port = await passedOn(server.port);
    const near = { ...env, WAYBILL_URL: server.url };
    const far = { ...env, WAYBILL_URL: server.url.replace(`127.0.0.1:${server.port}`, `${HOST}:${port}`) };
    const args = ["worker", "--jobs", fixture("jobs"), "--queues", "slow", "--lease", `${LEASE_MS}ms`];
    const limits = ["--drain", "500ms", "--abort", "500ms", "--close", "1s"];
    const own = networkOf(process.pid);

    const cutOff = start([...args, ...limits], far, ["unshare", "--net", "sh", "-c", WAITS_FOR_THE_LINK, "sh"]);
    const pid = cutOff.child.pid ?? 0;
    await until("its network is its own", () => ![own, ""].includes(networkOf(pid)));
    link(pid, { here: "wbhost", there: "wbguest", host: HOST, guest: GUEST });
    await until("it is up", () => linesOf(cutOff).some(({ event }) => event === "booted"));
    await waybill(["enqueue", "slow.step", "--jobs", fixture("jobs")], { env: near });
    await until("it has started the job", () => linesOf(cutOff).some(({ event }) => event === "started"));
    ip("link", "set", "wbhost", "down");
    const told = performance.now();
    cutOff.child.kill("SIGTERM");
    const { code, stdout, stderr } = await cutOff.ended;
    // drain 0.5 s, abort 0.5 s, close 1 s, and what a busy machine takes to end a process.
    expect(performance.now() - told).toBeLessThan(5_000);
    expect(code).not.toBe(0);
    expect(stderr).toContain("neither finished nor");
    expect(stdout).toContain('"unfinished":1');

    const other = start([...args, "--concurrency", "1"], near);
    const settled = await until(
      "the job has run elsewhere",
      () => linesOf(other).find(({ event }) => event === "settled"),
      60_000,
    );
    expect(settled).toMatchObject({ outcome: "completed", attempt: 1 });
    const trace = existsSync(env["TRACE"] ?? "") ? readFileSync(env["TRACE"] ?? "", "utf8") : "";
    expect(trace.match(/^slow:start:1:/gm)).toHaveLength(2);
    expect(trace.match(/^slow:end$/gm)).toHaveLength(1);
  },
);
