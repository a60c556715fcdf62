import { type ComponentChildren, createContext, type JSX } from "preact";
import { useCallback, useContext, useRef, useState } from "preact/hooks";
import { post } from "./api.ts";
import { Button, Dialog } from "./ui.tsx";

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
}

interface Actions {
  readonly readOnly: boolean;
  /** Does it, or asks first. Never throws: what fails is shown. */
  act(action: Action): void;
}

const Context = createContext<Actions>({ readOnly: true, act: () => undefined });
export const useActions = (): Actions => useContext(Context);

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
    async ({ path, body, done, onDone }: Action): Promise<void> => {
      try {
        const result = await post<Readonly<Record<string, unknown>>>(`${connection}/${path}`, body);
        say({ text: typeof done === "string" ? done : done(result), isBad: false });
        onDone?.(result);
      } catch (thrown) {
        say({ text: (thrown as Error).message, isBad: true });
      }
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
            <span>{said.text}</span>
            <button type="button" class="toast-close" aria-label="Dismiss" onClick={() => setSaid(null)}>
              ×
            </button>
          </div>
        )}
      </div>
    </Context.Provider>
  );
}
