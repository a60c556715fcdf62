import { type ComponentChildren, createContext, type JSX } from "preact";
import { useCallback, useContext, useRef, useState } from "preact/hooks";
import { post } from "./api.ts";
import { Button, Data, Dialog } from "./ui.tsx";

/** One change, as the user is asked for it and told of it. */
export interface Action {
  /** Below the connection: "dead/replay". */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** What to say when it is done. */
  readonly done: string | ((result: Readonly<Record<string, unknown>>) => string);
  /** Asks first, with these words. Omitted: it is done at once. */
  readonly ask?: {
    readonly title: string;
    readonly text: string;
    readonly yes: string;
    readonly isDangerous?: boolean;
  };
  readonly onDone?: (result: Readonly<Record<string, unknown>>) => void;
  /** Sent as `ids` in portions, and what each changed is added up. Omitted: one request with `body`. */
  readonly ids?: readonly string[];
  /** Returns further ids when those are done; none: that was all. */
  readonly more?: (() => Promise<readonly string[]>) | undefined;
}

interface Actions {
  readonly readOnly: boolean;
  /** Does it, or asks first. Never throws: what fails is shown. */
  act(action: Action): void;
}

type Result = Readonly<Record<string, unknown>>;

const Context = createContext<Actions>({ readOnly: true, act: () => undefined });
export const useActions = (): Actions => useContext(Context);

/** As many ids as one request may have. */
const PORTION = 1_000;

/** Sends the request, or one for each portion of the ids, and returns what they changed together. */
async function sendAll(
  connection: string,
  { path, body, ids, more }: Action,
  progressed: (sums: Result) => void,
): Promise<Result> {
  const send = (sent: Result): Promise<Result> => post<Result>(`${connection}/${path}`, sent);
  if (ids === undefined) return send(body);
  let sums: Result = {};
  // What cannot be changed, such as a damaged letter, is read again: it is sent once.
  const sent = new Set<string>();
  const fresh = (found: readonly string[]): string[] => found.filter((id) => !sent.has(id));
  for (let left = fresh(ids); left.length > 0;) {
    const portion = left.slice(0, PORTION);
    sums = added(sums, await send({ ...body, ids: portion }));
    for (const id of portion) sent.add(id);
    if (left.length > PORTION || more !== undefined) progressed(sums);
    left = left.slice(PORTION);
    if (left.length === 0 && more !== undefined) left = fresh(await more());
  }
  return sums;
}

function added(sums: Result, result: Result): Result {
  const numbers = Object.entries(result).map(([name, value]) => [name, Number(sums[name] ?? 0) + Number(value)]);
  return { ...sums, ...(Object.fromEntries(numbers) as Result) };
}

interface Said {
  readonly text: string;
  readonly isBad: boolean;
}

interface Props {
  readonly connection: string;
  readonly readOnly: boolean;
  readonly children: ComponentChildren;
}

export function ActionsProvider({ connection, readOnly, children }: Props): JSX.Element {
  const [asked, setAsked] = useState<Action | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const timer = useRef(0);

  const say = useCallback((next: Said): void => {
    clearTimeout(timer.current);
    setSaid(next);
    timer.current = window.setTimeout(() => setSaid(null), next.isBad ? 12_000 : 5_000);
  }, []);
  const run = useCallback(
    async (action: Action): Promise<void> => {
      const { done, onDone } = action;
      const words = (result: Result): string => (typeof done === "string" ? done : done(result));
      let sums: Result = {};
      try {
        sums = await sendAll(connection, action, (so) => {
          sums = so;
          say({ text: `${words(so)} so far…`, isBad: false });
        });
        say({ text: words(sums), isBad: false });
      } catch (thrown) {
        const { message } = thrown as Error;
        // What was changed before it failed stays changed.
        say({ text: Object.keys(sums).length > 0 ? `${words(sums)}, then: ${message}` : message, isBad: true });
      }
      onDone?.(sums);
    },
    [connection, say],
  );
  const act = useCallback(
    (action: Action): void => (action.ask === undefined ? void run(action) : setAsked(action)),
    [run],
  );

  return (
    <Context.Provider value={{ readOnly, act }}>
      {children}
      {asked?.ask && (
        <Dialog title={asked.ask.title} onClose={() => setAsked(null)}>
          <p>{asked.ask.text}</p>
          <div class="dialog-buttons">
            <Button onClick={() => setAsked(null)}>Keep as it is</Button>
            <Button
              tone={asked.ask.isDangerous ? "danger" : "primary"}
              onClick={() => {
                setAsked(null);
                void run(asked);
              }}
            >
              {asked.ask.yes}
            </Button>
          </div>
        </Dialog>
      )}
      <div class="toasts" role="status" aria-live="polite">
        {said && (
          <div class={`toast${said.isBad ? " bad" : ""}`}>
            <span>
              <Data value={said.text} />
            </span>
            <button type="button" class="toast-close" aria-label="Dismiss" onClick={() => setSaid(null)}>
              ×
            </button>
          </div>
        )}
      </div>
    </Context.Provider>
  );
}
