import { useCallback, useEffect, useState } from "preact/hooks";
import type { Snapshot } from "../src/live/snapshot.ts";
import { apiUrl, get } from "./api.ts";

/** What is read from the handler: null until the first response. */
export interface Loaded<T> {
  readonly value: T | null;
  readonly error: Error | null;
  /** Reads again now. */
  reload(): void;
}

/** Reads a path, again when it changes and every `everyMs` while the page is seen. */
export function useLoaded<T>(
  path: string,
  query: Readonly<Record<string, string | undefined>> = {},
  everyMs = 5_000,
): Loaded<T> {
  const [state, setState] = useState<{
    readonly of: string;
    readonly value: T | null;
    readonly error: Error | null;
  } | null>(null);
  const [turn, setTurn] = useState(0);
  const key = `${path}?${JSON.stringify(query)}`;
  useEffect(() => {
    const abort = new AbortController();
    const read = (): void => {
      if (document.hidden) return;
      get<T>(path, query, abort.signal).then(
        (value) => setState({ of: key, value, error: null }),
        (error: Error) =>
          abort.signal.aborted || setState((last) => ({ of: key, value: last?.of === key ? last.value : null, error })),
      );
    };
    read();
    const timer = setInterval(read, everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [key, turn]);
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  const isOwn = state?.of === key;
  return { value: isOwn ? state.value : null, error: isOwn ? state.error : null, reload };
}

export interface LiveState {
  readonly snapshot: Snapshot | null;
  /** False while the stream is being opened again. */
  readonly isConnected: boolean;
}

/** Numbers that change more often cannot be read. */
const SHOW_EVERY_MS = 250;

/** Follows the state of a connection by server-sent events. Renders, and parses, the newest of them four times a second. */
export function useLive(connection: string): LiveState {
  const [state, setState] = useState<LiveState>({ snapshot: null, isConnected: true });
  useEffect(() => {
    let newest = "";
    let timer = 0;
    let shownAt = -Infinity;
    setState({ snapshot: null, isConnected: true });
    const show = (): void => {
      timer = 0;
      shownAt = performance.now();
      setState({ snapshot: JSON.parse(newest) as Snapshot, isConnected: true });
    };
    const source = new EventSource(apiUrl(`${connection}/live`));
    source.addEventListener("message", ({ data }: MessageEvent<string>) => {
      newest = data;
      timer ||= window.setTimeout(show, shownAt + SHOW_EVERY_MS - performance.now());
    });
    source.addEventListener("error", () => setState((now) => ({ ...now, isConnected: false })));
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [connection]);
  return state;
}

/** Where the page is: `#/main/jobs?state=dead`. */
export interface Place {
  readonly connection: string;
  readonly page: string;
  readonly query: URLSearchParams;
}

function placeOf(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [connection = "", page = ""] = path.split("/").map(decodeURIComponent);
  return { connection, page, query: new URLSearchParams(search) };
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const moved = (): void => setHash(location.hash);
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return placeOf(hash);
}

/** Returns the link to a place. Parameters that are empty are left out. */
export function linkTo(
  connection: string,
  page: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const search = new URLSearchParams(given).toString();
  return `#/${encodeURIComponent(connection)}/${page}${search === "" ? "" : `?${search}`}`;
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const changed = (): void => setMatches(list.matches);
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return matches;
}
