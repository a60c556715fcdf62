import { mkdirSync } from "node:fs";
import { newSecret } from "@waybill/core";
import { demoFiles } from "../album.ts";
import { sweepTemporaryFiles } from "../durable-file.ts";
import type { Settings } from "../settings.ts";
import { type Child, superviseChild } from "./child.ts";

/** The running demo: the web process, and a worker or a pusher. */
export interface Demo {
  readonly address: string;
  /** Stops the worker, which posts its last events, and then the web process. Resolves when both have ended. */
  stop(): Promise<void>;
  /** Kills both processes at once. */
  destroy(): void;
}

/**
 * Starts the web process and, once its port is known, a worker that runs the jobs or a pusher that POSTs them to the
 * web process. Rejects when one of them cannot start. `say` gets progress messages.
 */
export function startDemo(
  settings: Settings,
  by: "worker" | "pusher",
  say: (line: string) => void,
  onStartFailure: (error: Error) => void,
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
      onStartFailure(error);
    };
    // A restarted web process gets the port of the first start, which worker and browsers know.
    const webEnv: NodeJS.ProcessEnv = { ...base };
    if (settings.port !== null) webEnv["PORT"] = String(settings.port);
    const web = superviseChild({
      name: "web",
      env: webEnv,
      logFolder,
      onStartFailure: fail,
      onDeath: (pid, how) => say(`web ${pid} died (${how}), restarting it`),
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
        onStartFailure: fail,
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
