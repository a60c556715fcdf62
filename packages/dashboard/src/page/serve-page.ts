import { brotliCompressSync, gzipSync } from "node:zlib";
import { describeError } from "@waybill/core";
import { Refusal } from "../refusal.ts";
import { sentAsIs } from "./sent-as-is.ts";

interface PageFile {
  readonly type: string;
  readonly text: string;
}

type Encoding = "br" | "gzip";

/** Compressed once, at the first request. */
const compressed = new Map<string, Uint8Array<ArrayBuffer>>();

/**
 * Returns a file of the page; null where there is none of that name. "" is the page itself. It loads its other files from
 * `folder`: "./", or a path with a slash at its end.
 */
export async function servePage(request: Request, path: string, folder: string): Promise<Response | null> {
  const files = await pageFiles();
  const name = path === "" ? "index.html" : path;
  if (!Object.hasOwn(files, name)) return null;
  if (request.method !== "GET" && request.method !== "HEAD") throw new Refusal(405, "METHOD_REFUSED", "use GET");
  const { type, text: built } = files[name] as PageFile;
  const text = name === "index.html" ? built.replaceAll('="./', `="${folder}`) : built;
  // Names of files hold their hash. The page itself is asked for each time.
  const cache = name === "index.html" ? "no-cache" : "private, max-age=31536000, immutable";
  const headers: Record<string, string> = {
    "content-type": type,
    "cache-control": cache,
    vary: "accept-encoding",
  };
  const encoding = encodingOf(request);
  if (encoding !== null) headers["content-encoding"] = encoding;
  const body = encoding === null ? text : bytesOf(`${folder} ${name}`, text, encoding);
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

async function pageFiles(): Promise<Readonly<Record<string, PageFile>>> {
  try {
    return (await import("#page")).files;
  } catch (cause) {
    throw new Refusal(
      500,
      "PAGE_NOT_BUILT",
      `the page of the dashboard is not built: run npm run build (${describeError(cause)})`,
    );
  }
}

function encodingOf(request: Request): Encoding | null {
  if (!sentAsIs.has(request)) return null;
  const accepted = request.headers.get("accept-encoding") ?? "";
  if (/\bbr\b/.test(accepted)) return "br";
  return /\bgzip\b/.test(accepted) ? "gzip" : null;
}

function bytesOf(name: string, text: string, encoding: Encoding): Uint8Array<ArrayBuffer> {
  const key = `${encoding} ${name}`;
  const bytes = compressed.get(key) ?? new Uint8Array(encoding === "br" ? brotliCompressSync(text) : gzipSync(text));
  compressed.set(key, bytes);
  return bytes;
}
