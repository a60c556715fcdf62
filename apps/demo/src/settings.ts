import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Mailbox } from "./handlers/mail.ts";

/** What the environment decides, the same for every process of the demo. */
export interface Settings {
  /** Absolute. Everything the demo writes is below it. */
  readonly folder: string;
  /** Where the jobs wait. The only place that names a backend is this URL. */
  readonly backendUrl: string;
  /** Null: a free port, from 3000 upwards. 0: any free port. */
  readonly port: number | null;
  readonly mailbox: Mailbox;
  /** Where the web process is, for the others. */
  readonly webUrl: string;
  /** `whsec_` secrets of who may push jobs to the web process. Null: nobody. */
  readonly keys: string | null;
}

/** The page: plain files, the same ones for sources and build. */
export const publicFolder: string = fileURLToPath(new URL("../public/", import.meta.url));

/** Where data goes unless `DEMO_DATA` says otherwise. */
export const defaultFolder: string = fileURLToPath(new URL("../data/", import.meta.url));

/** Throws with a sentence for a person when a variable cannot be used. */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const folder = resolve(env["DEMO_DATA"] || defaultFolder);
  const backendUrl = env["WAYBILL_URL"] || `sqlite:${join(folder, "waybill.db")}`;
  if (backendUrl.startsWith("memory:")) {
    throw new Error(
      `WAYBILL_URL is "${backendUrl}", which lives inside one process, and the demo is two: use "sqlite:./demo.db"`,
    );
  }
  return {
    folder,
    backendUrl,
    port: portOf(env["PORT"]),
    mailbox: { smtpUrl: env["SMTP_URL"] || null, to: env["MAIL_TO"] || "you@example.com" },
    webUrl: env["DEMO_WEB_URL"] ?? "http://127.0.0.1:3000",
    keys: env["WAYBILL_KEYS"] || null,
  };
}

function portOf(text: string | undefined): number | null {
  if (text === undefined || text === "") return null;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT is "${text}": give a number from 0 to 65535, or leave it out for a free one from 3000`);
}
