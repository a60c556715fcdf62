import { mkdirSync } from "node:fs";
import { newSecret } from "@waybill/core";
import { demoFiles } from "../album.ts";
import { sweepTemporaryFiles } from "../durable-file.ts";
import type { Settings } from "../settings.ts";
import { type Child, superviseChild } from "./child.ts";

/** Both processes of the demo, running. */
export interface Demo {
  readonly address: string;
  /** Worker first, so that its last events still find the web process; then nothing of the demo is left running. */
  stop(): Promise<void>;
  /** At once, without asking. */
  destroy(): void;
}

/** Starts web, then, once its port is known, who takes the jobs: a worker that runs them, or a pusher that has web run them. Rejects when either cannot start. `say` gets human lines. */
export function startDemo(
  settings: Settings,
  by: "worker" | "pusher",
  say: (line: string) => void,
  onHopeless: (error: Error) => void,
): Promise<Demo> {
  const { log: logFolder, temporary } = demoFiles(settings.folder);
  mkdirSync(logFolder, { recursive: true });
  const keys = by === "pusher" ? { WAYBILL_KEYS: settings.keys ?? newSecret() } : {};
  const base = { ...process.env, ...keys, DEMO_DATA: settings.folder, WAYBILL_URL: settings.backendUrl };
  let worker: Child | null = null;
  let workerStarts = 0;

  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      reject(error);
      onHopeless(error);
    };
    // The port of the first start is the port of every later one: worker and browsers know it.
    const webEnv: NodeJS.ProcessEnv = { ...base };
    if (settings.port !== null) webEnv["PORT"] = String(settings.port);
    const web = superviseChild({
      name: "web",
      env: webEnv,
      logFolder,
      onHopeless: fail,
      onDeath: (pid, how) => say(`web ${pid} died (${how}), starting it again`),
      onMessage(message) {
        if (isKill(message)) worker?.crash();
        if (!isListening(message) || worker !== null) return;
        webEnv["PORT"] = String(message.port);
        const address = `http://127.0.0.1:${message.port}`;
        worker = startWorker(address);
        resolve({ address, stop, destroy });
      },
    });

    function startWorker(address: string): Child {
      const child = superviseChild({
        name: by,
        env: { ...base, DEMO_WEB_URL: address },
        logFolder,
        onHopeless: fail,
        onStart(pid) {
          workerStarts += 1;
          say(`${by} ${workerStarts === 1 ? "started" : "restarted"} (pid ${pid})`);
        },
        onDeath(pid, how) {
          say(`${by} ${pid} died (${how}), starting another`);
          web.send({ workerExited: pid });
        },
      });
      child.start();
      return child;
    }

    async function stop(): Promise<void> {
      await worker?.stop();
      await web.stop();
      await sweepTemporaryFiles(temporary);
    }

    function destroy(): void {
      worker?.destroy();
      web.destroy();
    }

    web.start();
  });
}

function isListening(message: unknown): message is { kind: "listening"; port: number } {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "listening";
}

function isKill(message: unknown): boolean {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "kill-worker";
}
