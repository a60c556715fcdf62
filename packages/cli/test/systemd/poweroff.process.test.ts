import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { connect } from "@waybill/core";
import { startRedis } from "@waybill/test-servers";
import { expect, onTestFinished, test } from "vitest";
import { fixture, jsonLines, nodeArguments, until, waybill } from "../cli.ts";
import { slow } from "../fixtures/jobs.ts";
import { link, passedOn } from "../network.ts";
import { Machine, whyNoMachine } from "./machine.ts";

/** A job of three seconds is aborted and released. */
const COMMAND = `worker --jobs ${fixture("jobs")} --queues slow --drain 500ms --abort 500ms --close 1s`;

/** The unit of the network, ordered as Debian's networking.service. Writes the time at which it goes down. */
const network = (folder: string, guest: string): string => `[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target network.target network-online.target
Wants=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'until ip link show sdguest; do sleep 0.05; done; ip addr add ${guest}/30 dev sdguest && ip link set sdguest up'
ExecStop=/bin/sh -c 'date +%%s%%3N >${folder}/down; ip link set sdguest down'
`;

/** The unit of an application as a platform writes it: without an order, and with the log sent over the network. */
const platformUnit = (folder: string, sink: string): string => `[Unit]
Description=web
StartLimitIntervalSec=0
[Service]
Restart=always
RestartSec=200ms
EnvironmentFile=${folder}/app.env
Environment=WAYBILL_SHUTDOWN_FILE=${folder}/log/web/shutdown.log
ExecStart=/bin/bash -c 'exec ${folder}/bin/waybill ${COMMAND} >/dev/tcp/${sink}'
TimeoutStopSec=1min
`;

interface Scene {
  readonly machine: Machine;
  /** What has arrived at the service that collects logs. */
  readonly collected: () => string;
  /** Powers the machine off in the middle of a job. Returns what the file, the server and the network tell of it. */
  powerOff(): Promise<{
    summary: Record<string, unknown>;
    at: number;
    networkDown: number;
    ready: number;
    leased: number;
  }>;
}

/** A machine with a network and a worker in the middle of a job, and the server of the worker outside of it. */
async function scene(
  octet: number,
  unitsOf: (folder: string, sink: string) => Promise<Record<string, string>>,
): Promise<Scene> {
  const [host, guest] = [`10.214.${octet}.1`, `10.214.${octet}.2`];
  const server = await startRedis();
  onTestFinished(() => server.stop());
  const jobs = await connect(server.url, { log: "off", jobs: [slow] });
  onTestFinished(() => jobs.close());
  const port = await passedOn(server.port);
  let collected = "";
  const sink = createServer((socket) => socket.on("error", () => {}).on("data", (text) => (collected += String(text))));
  await once(sink.listen(0, "0.0.0.0"), "listening");
  onTestFinished(() => void sink.close());

  const machine = await Machine.boot(["network.service", "web.service"], async (folder) => {
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "log", "web"));
    const [main, ...flags] = nodeArguments.toReversed();
    const shim = `#!/usr/bin/env -S ${process.execPath} ${flags.join(" ")}\nimport(${JSON.stringify(main)});\n`;
    writeFileSync(join(folder, "bin", "waybill"), shim, { mode: 0o755 });
    const url = server.url.replace(`127.0.0.1:${server.port}`, `${host}:${port}`);
    writeFileSync(join(folder, "app.env"), `WAYBILL_URL=${url}\nTRACE=${folder}/trace\n`);
    const address = `${host}/${(sink.address() as AddressInfo).port}`;
    return { "network.service": network(folder, guest), ...(await unitsOf(folder, address)) };
  });
  onTestFinished(() => machine.remove());
  const { folder } = machine;
  link(await until("systemd is PID 1", () => machine.pid), { here: `sdhost${octet}`, there: "sdguest", host, guest });
  await jobs.enqueue(slow, null);
  await until("the job has started", () => existsSync(join(folder, "trace")));
  return {
    machine,
    collected: () => collected,
    async powerOff() {
      await machine.powerOff();
      const [summary = {}] = jsonLines(readFileSync(join(folder, "log", "web", "shutdown.log"), "utf8"));
      const [counts] = await jobs.inspector!.counts(["slow"]);
      const networkDown = Number(readFileSync(join(folder, "down"), "utf8"));
      const at = Date.parse(String(summary["at"]));
      return { summary, at, networkDown, ready: counts?.ready ?? 0, leased: counts?.leased ?? 0 };
    },
  };
}

const printed = async (...args: readonly string[]): Promise<string> => (await waybill(["systemd", ...args])).stdout;

test("R36: with its unit a worker releases its job before the network goes down", async ({ skip }) => {
  const reason = whyNoMachine();
  if (reason !== null) skip(reason);
  const { powerOff } = await scene(1, async (folder) => {
    const place = ["--user", "root", "--directory", folder, "--environment-file", join(folder, "app.env")];
    return { "web.service": await printed("--name", "web", ...place, "--exec", `bin/waybill ${COMMAND}`) };
  });
  const { summary, at, networkDown, ...server } = await powerOff();
  expect(summary).toMatchObject({ event: "stopped", reason: "SIGTERM", released: 1, unfinished: 0 });
  expect(server).toEqual({ ready: 1, leased: 0 });
  expect(at).toBeLessThanOrEqual(networkDown);
});

test("R36, R44: without the order the network goes first: the job stays leased, and only the local file has the summary", async ({
  skip,
}) => {
  const reason = whyNoMachine();
  if (reason !== null) skip(reason);
  const { collected, powerOff } = await scene(2, async (folder, sink) => ({
    "web.service": platformUnit(folder, sink),
  }));
  await until("the log arrives", () => collected().includes('"event":"started"'));
  const { summary, at, networkDown, ...server } = await powerOff();
  expect(at).toBeGreaterThan(networkDown);
  expect(server).toEqual({ ready: 0, leased: 1 });
  expect(summary).toMatchObject({ event: "stopped", reason: "SIGTERM", unfinished: 1 });
  expect(collected()).not.toContain('"event":"stopped"');
});

test("R47: a drop-in stays in force when the platform writes its unit again", async ({ skip }) => {
  const reason = whyNoMachine();
  if (reason !== null) skip(reason);
  const { machine, collected, powerOff } = await scene(3, async (folder, sink) => ({
    "web.service": platformUnit(folder, sink),
    "web.service.d/50-waybill.conf": await printed("--drop-in", "web.service"),
  }));
  const again = readFileSync(join(machine.folder, "units", "web.service"), "utf8").replace("=web", "=web, updated");
  machine.write({ "web.service": again });
  machine.systemctl("daemon-reload");
  const shown = machine.systemctl("show", "web.service", "-p", "Description,After,KillMode,TimeoutStopUSec");
  expect(shown).toMatch(/^Description=web, updated$/m);
  expect(shown).toMatch(/^After=.*network-online\.target/m);
  expect(shown).toMatch(/^KillMode=mixed$/m);
  expect(shown).toMatch(/^TimeoutStopUSec=32s$/m);
  const { at, networkDown, ...server } = await powerOff();
  expect(server).toMatchObject({ ready: 1, leased: 0 });
  expect(at).toBeLessThanOrEqual(networkDown);
  expect(collected()).toContain('"event":"stopped"');
});
