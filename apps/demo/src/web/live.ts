import type { Request, Response } from "express";
import type { Receipt } from "../receipt.ts";
import type { StageView } from "../stage.ts";
import type { Board } from "./board.ts";
import type { AlbumView, JobView } from "./views.ts";
import type { Workers, WorkerView } from "./workers.ts";

/** A message to a browser: the first one is complete, later ones have only the members that changed. */
export interface Update {
  readonly albums?: readonly AlbumView[];
  readonly jobs?: readonly JobView[];
  readonly mails?: readonly Receipt[];
  readonly workers?: readonly WorkerView[];
  /** What the page can change, and where the jobs wait. Absent when the web process was started without the launcher. */
  readonly stage?: StageView & { readonly url: string };
}

type Extra = Pick<Update, "mails" | "workers" | "stage">;

/** Live updates by server-sent events; a browser that reconnects gets the complete state again. */
export interface Live {
  connect(request: Request, response: Response): void;
  /** Sends the board's changes to every browser after `GATHER_MS`. */
  changed(extra?: Extra): void;
  close(): void;
}

const GATHER_MS = 80;
/** The page shows only the newest albums. */
const ALBUMS = 12;

export function createLive(board: Board, workers: Workers, mails: () => readonly Receipt[]): Live {
  const browsers = new Set<Response>();
  let timer: NodeJS.Timeout | null = null;
  let extra: Extra = {};
  let stage: Pick<Update, "stage"> = {};

  function snapshot(): Update {
    const albums = board.albums().sort(newestFirst).slice(0, ALBUMS);
    return {
      albums,
      jobs: albums.flatMap((album) => board.jobsOf(album.id)),
      mails: mails().slice(-20),
      workers: workers.views(),
      ...stage,
    };
  }

  function flush(): void {
    timer = null;
    const { albums, jobs } = board.changes();
    const update: Update = {
      ...(albums.length > 0 && { albums: albums.flatMap((id) => board.album(id) ?? []) }),
      ...(jobs.length > 0 && { jobs: jobs.flatMap((id) => board.job(id) ?? []) }),
      ...extra,
    };
    extra = {};
    const text = frame("update", update);
    for (const browser of browsers) browser.write(text);
  }

  return {
    connect(request, response) {
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      response.write(`retry: 500\n${frame("snapshot", snapshot())}`);
      browsers.add(response);
      request.once("close", () => browsers.delete(response));
    },
    changed(more = {}) {
      extra = { ...extra, ...more };
      if (more.stage) stage = { stage: more.stage };
      timer ??= setTimeout(flush, GATHER_MS);
    },
    close() {
      if (timer) clearTimeout(timer);
      for (const browser of browsers) browser.end();
    },
  };
}

function frame(event: string, update: Update): string {
  return `event: ${event}\ndata: ${JSON.stringify(update)}\n\n`;
}

const newestFirst = (a: AlbumView, b: AlbumView): number => b.createdAt - a.createdAt;
