/**
 * Chaos: handlers that block the event loop, end their process or run out of its heap.
 * `npm run chaos -- [--backend sqlite] [--seconds 60] [--seed 1] [--rate 20] [--lease 2000]`
 */
import { cpSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { freshFolder, targets } from "../backends.ts";
import { report, type ChaosReport } from "./report.ts";
import { runChaos } from "./run.ts";

const { values } = parseArgs({
  options: {
    backend: { type: "string", multiple: true },
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    rate: { type: "string", default: "20" },
    lease: { type: "string", default: "2000" },
    /** A folder that keeps the traces. */
    keep: { type: "string" },
  },
});
const leaseMs = Number(values.lease);
const numbers = {
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  jobsPerSecond: Number(values.rate),
  leaseMs,
};
const chosen = targets.filter(({ name }) => values.backend?.includes(name) ?? true);

for (const target of chosen) {
  const server = await target.startServer?.();
  const { folder, remove } = await freshFolder();
  const store = { url: target.storeUrl(server?.url ?? "", "chaos", folder), folder, remove };
  try {
    const run = await runChaos({ target, store, ...numbers });
    const said = report(run, leaseMs);
    console.log(summary(target.name, said, run.controlMs));
    if (said.lost.length > 0) process.exitCode = 1;
  } finally {
    if (values.keep !== undefined) keep(folder, `${values.keep}/${target.name}`);
    await remove();
    await server?.stop();
  }
}

function keep(folder: string, as: string): void {
  rmSync(as, { recursive: true, force: true });
  cpSync(folder, as, { recursive: true });
}

function summary(name: string, said: ChaosReport, controlMs: number): string {
  const { jobs, ends, lost, deaths, takeovers, reruns, unstored } = said;
  const times = takeovers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const late = takeovers.filter(({ ms }) => ms > leaseMs + 2_000);
  const ours = takeovers.filter(({ waitedMs }) => waitedMs > 2_000);
  const load = loadavg()[0]?.toFixed(1);
  return [
    `${name}, seed ${values.seed}: ${jobs} jobs, ${lost.length} lost, ${ends} runs ended, ${deaths} processes died`,
    `  takeovers: ${times.length}; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${times.at(-1) ?? 0} ms; over lease + 2 s: ${late.length}`,
    `  of those, while a process waited for a job in vain for over 2 s after the lease: ${ours.length}`,
    ...ours.map(
      ({ id, from, to, why, ms, waitedMs }) => `    ${id} ${from} -> ${to}: ${why}, ${ms} ms, ${waitedMs} ms in vain`,
    ),
    `  the longest wait in vain after a lease had ended: ${Math.max(0, ...takeovers.map(({ waitedMs }) => waitedMs))} ms`,
    `  ran again after their end: ${JSON.stringify(reruns)}; most in one dead process: ${unstored}`,
    `  control: a timer was ${controlMs} ms late at most; load ${load}`,
  ].join("\n");
}
