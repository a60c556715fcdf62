import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { keyRing, newId, newSecret } from "@waybill/core";
import { signatureFor } from "@waybill/core/endpoint";
import { describe, expect, onTestFinished, test } from "vitest";
import { ATTACKS, type AttackName } from "./anonymous/attacks.ts";

const SOCKETS = 300;
const PUSHES = 100;
const AT_ONCE = 6;
/** Promised. */
const WITHIN_MS = 1_000;
const LEAST_SHARE = 0.99;

const secret = newSecret();
const keys = keyRing(secret);
const everything = Object.keys(ATTACKS) as AttackName[];

async function started(file: string, ...args: string[]): Promise<unknown> {
  const child: ChildProcess = fork(fileURLToPath(new URL(`./anonymous/${file}.ts`, import.meta.url)), args, {
    execArgv: ["--conditions=waybill-source", "--no-warnings"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit").then(([code]) => Promise.reject(new Error(`${file} ended with ${String(code)}`)));
  const [message] = (await Promise.race([once(child, "message"), ended])) as [unknown];
  ended.catch(() => {});
  return message;
}

interface Pushed {
  readonly status: number;
  readonly ms: number;
}

/** One honest job, over a connection of its own; every third of more than 64 KiB. */
function push(port: number, path: string, isLarge: boolean): Promise<Pushed> {
  const id = newId();
  const payload = { text: "x".repeat(isLarge ? 100_000 : 200) };
  const body = JSON.stringify({ spec: "waybill/1", id, type: "work", args: [payload] });
  const { timestamp, value } = signatureFor(path === "/jobs" ? keys : keys.requests, id, body);
  const headers = {
    "content-length": Buffer.byteLength(body),
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": value,
  };
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const done = (status: number): void => resolve({ status, ms: performance.now() - startedAt });
    const options = { port, path, host: "127.0.0.1", method: "POST", headers, agent: false, timeout: 10_000 };
    const sent = request(options, (response) => response.resume().once("end", () => done(response.statusCode ?? 0)));
    sent.on("timeout", () => sent.destroy());
    sent.on("error", () => done(0));
    sent.end(body);
  });
}

/** What became of the honest pushes while the attack went on. */
async function attacked(
  transport: string,
  paths: readonly string[],
  attacks: readonly AttackName[],
): Promise<Pushed[]> {
  const { port } = (await started("server", transport, secret)) as { port: number };
  await started("attacker", String(port), String(SOCKETS), paths.join(","), attacks.join(","));
  // The attack goes on for a while before the first honest push.
  await sleep(300);
  const pushed: Pushed[] = [];
  let next = 0;
  const sender = async (): Promise<void> => {
    for (let at = next++; at < PUSHES; at = next++) {
      pushed.push(await push(port, paths[at % paths.length] ?? "", at % 9 < 3));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  return pushed;
}

function judge(pushed: readonly Pushed[], of: string): void {
  const good = pushed.filter(({ status, ms }) => status === 200 && ms <= WITHIN_MS).length;
  const times = pushed.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const at = (share: number): string => `${Math.round(times[Math.ceil(times.length * share) - 1] ?? 0)} ms`;
  const others = [...Map.groupBy(pushed, ({ status }) => status)].filter(([status]) => status !== 200);
  const refused = others.map(([status, list]) => ` ${status}: ${list.length}`).join("");
  console.log(`${of}: ${good} of ${pushed.length} within 1 s; median ${at(0.5)}, 99 % ${at(0.99)}${refused}`);
  expect(good / pushed.length, of).toBeGreaterThanOrEqual(LEAST_SHARE);
}

describe(`while ${SOCKETS} hostile sockets do all they can, 99 % of honest pushes succeed within a second`, () => {
  test.each(["node", "Express", "fetch", "Nest"])("at a receiver, a relay and an ingress by %s", async (transport) => {
    judge(await attacked(transport, ["/work", "/relay", "/jobs"], everything), `all attacks, ${transport}`);
  });

  test.each(everything)("whichever the attack: %s", async (name) => {
    judge(await attacked("node", ["/work"], [name]), name);
  });
});
