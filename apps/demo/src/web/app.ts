import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { waybill } from "@waybill/express";
import type { DashboardListener } from "@waybill/dashboard/node";
import type { Receiver } from "@waybill/http";
import { z } from "zod";
import { errorMessage } from "@waybill/core";
import { type DemoFiles, sizes } from "../album.ts";
import { workerReport, type WorkerReport } from "../job-event.ts";
import { publicFolder } from "../settings.ts";
import { type Wish, wish } from "../stage.ts";
import type { Albums } from "./albums.ts";
import type { Board } from "./board.ts";
import type { Live } from "./live.ts";

export interface AppParts {
  readonly files: DemoFiles;
  /** Null: jobs cannot be pushed to this process. */
  readonly receiver: Receiver | null;
  readonly dashboard: DashboardListener;
  readonly board: Board;
  readonly albums: Albums;
  readonly live: Live;
  readonly retry: (jobId: string) => Promise<boolean>;
  readonly report: (report: WorkerReport) => Promise<void>;
  /** Passes what the page asks for to the launcher. Null when this process was started without it. */
  readonly onWish: ((wish: Wish) => void) | null;
}

/** Where the dashboard is mounted; public/dashboard.js links to its pages. */
export const DASHBOARD = "/dashboard";

const uuid = z.uuid();
const photoParams = z.object({ albumId: z.uuid(), photoId: z.string().regex(/^[a-z0-9-]+$/) });
const pictureParams = photoParams.extend({ size: z.enum(sizes) });

/** Adds every route of the web process. */
export function createApp(parts: AppParts): Express {
  const app = express();
  app.disable("x-powered-by");
  if (parts.receiver !== null) app.use("/work", waybill(parts.receiver));
  // Before the guard: it has a guard of its own.
  app.use(DASHBOARD, parts.dashboard);
  app.use(guard);
  app.use(express.static(publicFolder, { cacheControl: false }));
  app.get("/events", (request, response) => parts.live.connect(request, response));
  app.get("/health", (_request, response) => void response.json({ ok: true }));
  addWorkerRoutes(app, parts);
  addAlbumRoutes(app, parts);
  addFileRoutes(app, parts.files);
  app.use((request, response) => void response.status(404).json({ error: `there is nothing at ${request.path}` }));
  app.use(explain);
  return app;
}

function addWorkerRoutes(app: Express, { report, onWish }: AppParts): void {
  app.post("/worker-events", express.json({ limit: "4mb" }), async (request, response) => {
    const body = workerReport.safeParse(request.body);
    if (!body.success) return void response.status(400).json({ error: z.prettifyError(body.error) });
    await report(body.data);
    response.status(204).end();
  });
  app.post("/stage", express.json(), (request, response) => {
    if (onWish === null)
      return void response
        .status(409)
        .json({ error: "the launcher did not start this process: change it where it runs" });
    onWish(wish.parse(request.body));
    response.status(202).json({ asked: true });
  });
}

function addAlbumRoutes(app: Express, { board, albums, retry }: AppParts): void {
  app.post("/albums", async (request, response) => {
    const { albumId, refused } = await albums.receive(request, titleOf(request));
    if (albumId === null) return void response.status(400).json({ error: "no photo was among the files", refused });
    response.status(201).json({ albumId, refused });
  });
  app.get("/albums/:albumId", (request, response, next) => {
    const album = board.album(request.params.albumId);
    if (!album) return next();
    response.json({ album, jobs: board.jobsOf(album.id) });
  });
  app.post("/albums/:albumId/photos/:photoId", async (request, response, next) => {
    const { albumId, photoId } = photoParams.parse(request.params);
    if (!mayChange(board, albumId, photoId)) return next();
    response.json({ refused: await albums.replace(request, albumId, photoId) });
  });
  app.delete("/albums/:albumId/photos/:photoId", async (request, response, next) => {
    const { albumId, photoId } = photoParams.parse(request.params);
    if (!mayChange(board, albumId, photoId)) return next();
    await albums.remove(albumId, photoId);
    response.status(204).end();
  });
  app.post("/jobs/:id/retry", async (request, response) => {
    const isRetried = await retry(uuid.parse(request.params.id));
    if (!isRetried) return void response.status(409).json({ error: "this job is not a dead letter" });
    response.status(202).json({ retried: true });
  });
}

/** Only a photo with a dead job may be replaced or removed. */
function mayChange(board: Board, albumId: string, photoId: string): boolean {
  return board.jobsOf(albumId).some((job) => job.photoId === photoId && job.state === "dead");
}

function addFileRoutes(app: Express, files: DemoFiles): void {
  const send = (response: Response, path: string, next: NextFunction): void =>
    response.sendFile(path, { dotfiles: "allow", maxAge: "1h" }, (error) => (error ? next() : undefined));
  app.get("/albums/:albumId/photos/:photoId/:size", (request, response, next) => {
    const { albumId, photoId, size } = pictureParams.parse(request.params);
    send(response, files.resized(albumId, photoId, size), next);
  });
  app.get("/albums/:albumId/contact-sheet", (request, response, next) =>
    send(response, files.contactSheet(uuid.parse(request.params.albumId)), next),
  );
  app.get("/outbox/:id", (request, response, next) => {
    const id = uuid.parse(request.params.id);
    response.attachment(`${id}.eml`);
    send(response, files.letter(id), next);
  });
}

/**
 * The names of this machine. Requests under other names are refused against DNS rebinding: a site whose name resolves
 * to this address could read the albums and post from its own origin.
 */
const HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/** Refuses requests from other sites that are open in the same browser, and lets the page run its own scripts only. */
function guard(request: Request, response: Response, next: NextFunction): void {
  response.set({
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  });
  const { origin, host } = request.headers;
  if (!HOST.test(host ?? ""))
    return void response.status(403).json({ error: "this page is served at 127.0.0.1 and localhost only" });
  if (request.method === "GET" || origin === undefined || origin.replace(/^https?:\/\//, "") === host) return next();
  response.status(403).json({ error: `requests from ${origin} are not accepted` });
}

/** Sends errors as JSON. Express recognizes an error handler by its four parameters. */
function explain(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) return next(error);
  if (error instanceof z.ZodError) return void response.status(404).json({ error: "not found" });
  const message = errorMessage(error);
  console.error(error);
  response.status(500).json({ error: message });
}

function titleOf(request: Request): string {
  const title = typeof request.query["title"] === "string" ? request.query["title"].trim().slice(0, 80) : "";
  return title || `Album of ${new Date().toISOString().slice(0, 16).replace("T", " ")}`;
}
