import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mailbox } from "./handlers/mail.ts";

/** The settings from environment variables, the same for every process of the demo. */
export interface Settings {
  /** Absolute. Everything the demo writes is below it. */
  readonly folder: string;
  /** The backend's URL. Nothing else names a backend. */
  readonly backendUrl: string;
  /** Of every connection: what happened to each job is kept for a day, in the backend or, where it keeps none, in a file beside it. */
  readonly kept: { readonly records: "1d"; readonly ledger?: string };
  /** Null: a free port, from 3000 upwards. 0: any free port. */
  readonly port: number | null;
  readonly mailbox: Mailbox;
  /** The web process's URL, for the worker or the pusher. */
  readonly webUrl: string;
  /** `whsec_` secrets that sign jobs pushed to the web process. Null: no job can be pushed to it. */
  readonly keys: string | null;
}

/** The page's static files, in the same folder for sources and build. */
export const publicFolder: string = fileURLToPath(new URL("../public/", import.meta.url));

/** The data folder if `DEMO_DATA` is not set. */
export const defaultFolder: string = fileURLToPath(new URL("../data/", import.meta.url));

/** Reads the environment variables. Throws if one has an invalid value. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const folder = resolve(env["DEMO_DATA"] || defaultFolder);
  const backendUrl = env["WAYBILL_URL"] || `sqlite:${join(folder, "waybill.db")}`;
  if (backendUrl.startsWith("memory:")) {
    throw new Error(
      `WAYBILL_URL is "${backendUrl}", which the demo's two processes cannot share: use "sqlite:./demo.db"`,
    );
  }
  return {
    ...whereJobsWait(folder, backendUrl),
    port: portOf(env["PORT"]),
    mailbox: { smtpUrl: env["SMTP_URL"] || null, to: env["MAIL_TO"] || "you@example.com" },
    webUrl: env["DEMO_WEB_URL"] ?? "http://127.0.0.1:3000",
    keys: env["WAYBILL_KEYS"] || null,
  };
}

/** Returns the settings that depend on the backend. */
export function whereJobsWait(folder: string, backendUrl: string): Pick<Settings, "folder" | "backendUrl" | "kept"> {
  const ledger = lendsNone(backendUrl) && { ledger: `sqlite:${join(folder, "records.db")}` };
  return { folder, backendUrl, kept: { records: "1d", ...ledger } };
}

/** Whether the backend keeps no records of its own, and its URL names none that does. */
const lendsNone = (url: string): boolean => /^(sqs|amqps?):/.test(url) && !/[?&]ledger=/.test(url);

function portOf(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT is "${text}": give a number from 0 to 65535, or leave it out for a free one from 3000`);
}
