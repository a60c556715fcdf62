import { mkdirSync } from "node:fs";
import { newSecret } from "@waybill/core";
import { demoFiles } from "../album.ts";
import { sweepTemporaryFiles } from "../durable-file.ts";
import type { Settings } from "../settings.ts";
import type { RunBy, StageView, Wish } from "../stage.ts";
import { type Child, superviseChild } from "./child.ts";

/** The running demo: the web process, and a worker or a pusher. */
export interface Demo {
  readonly address: string;
  /** Kills the worker or the pusher, as a crash would. Another one is started. */
  killWorker(): void;
  /** Tells the page what can be changed. Without this call the page has no buttons for it. */
  show(stage: StageView): void;
  /** Stops the worker, which posts its last events, and then the web process. Resolves when both have ended. */
  stop(): Promise<void>;
  /** Kills both processes at once. */
  destroy(): void;
}

export interface DemoOptions {
  /** Gets progress messages. */
  readonly say: (line: string) => void;
  /** Called when a process cannot be started again later. */
  readonly onFailure: (error: Error) => void;
  /** Called when the page asks for a change. */
  readonly onWish?: (wish: Wish) => void;
}

/**
 * Starts the web process and, once its port is known, a worker that runs the jobs or a pusher that POSTs them to the
 * web process. Rejects when the web process cannot start.
 */
export function startDemo(settings: Settings, by: RunBy, { say, onFailure, onWish }: DemoOptions): Promise<Demo> {
  const { log: logFolder, temporary } = demoFiles(settings.folder);
  mkdirSync(logFolder, { recursive: true });
  const keys = by === "pusher" ? { WAYBILL_KEYS: settings.keys ?? newSecret() } : {};
  const base = { ...process.env, ...keys, DEMO_DATA: settings.folder, WAYBILL_URL: settings.backendUrl };
  let worker: Child | null = null;
  let workerStarts = 0;
  let stage: StageView | null = null;

  const isExcused = (): boolean => stage?.server === "stopped";

  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      if (worker !== null) return onFailure(error);
      web.destroy();
      reject(error);
    };
    // A restarted web process gets the port of the first start, which worker and browsers know.
    const webEnv: NodeJS.ProcessEnv = { ...base };
    if (settings.port !== null) webEnv["PORT"] = String(settings.port);
    const web = superviseChild({
      name: "web",
      env: webEnv,
      logFolder,
      onStartFailure: fail,
      isExcused,
      onDeath: (pid, how) => say(`web ${pid} died (${how}), restarting it`),
      onMessage(message) {
        if (isWish(message)) onWish?.(message.wish);
        if (!isListening(message)) return;
        if (stage !== null) web.send({ stage });
        if (worker !== null) return;
        webEnv["PORT"] = String(message.port);
        const address = `http://127.0.0.1:${message.port}`;
        worker = startWorker(address);
        resolve({ address, killWorker, show, stop, destroy });
      },
    });

    function startWorker(address: string): Child {
      const child = superviseChild({
        name: by,
        env: { ...base, DEMO_WEB_URL: address },
        logFolder,
        onStartFailure: fail,
        isExcused,
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

    function killWorker(): void {
      worker?.crash();
    }

    function show(view: StageView): void {
      stage = view;
      web.send({ stage });
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

/** The web process has checked the wish. */
function isWish(message: unknown): message is { wish: Wish } {
  return typeof message === "object" && message !== null && "wish" in message;
}
