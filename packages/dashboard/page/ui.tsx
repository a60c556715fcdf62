import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ago, plain, time } from "./format.ts";

type Tone = "quiet" | "accent" | "warn" | "bad" | "good";
interface Children {
  readonly children?: ComponentChildren;
}

/** Data of a job: text alone, in a direction of its own. */
export function Data({ value, mono = false }: { readonly value: unknown; readonly mono?: boolean }): JSX.Element {
  return (
    <bdi dir="auto" class={mono ? "data mono" : "data"}>
      {plain(value)}
    </bdi>
  );
}

export function Badge({ tone = "quiet", children }: Children & { readonly tone?: Tone }): JSX.Element {
  return <span class={`badge ${tone}`}>{children}</span>;
}

const TONES: Readonly<Record<string, Tone>> = {
  ready: "quiet",
  delayed: "quiet",
  waiting: "warn",
  leased: "accent",
  running: "accent",
  completed: "good",
  dead: "bad",
  retrying: "warn",
};
const NAMES: Readonly<Record<string, string>> = { leased: "running", waiting: "blocked" };

export function State({ of }: { readonly of: string }): JSX.Element {
  return <Badge tone={TONES[of] ?? "quiet"}>{NAMES[of] ?? <Data value={of} />}</Badge>;
}

export function Ago({ at }: { readonly at: number | null | undefined }): JSX.Element {
  return <span title={time(at)}>{ago(at)}</span>;
}

interface ButtonProps extends Children {
  readonly onClick?: () => void;
  readonly tone?: "plain" | "primary" | "danger";
  readonly disabled?: boolean;
  readonly small?: boolean;
  readonly label?: string;
  readonly pressed?: boolean;
}

export function Button({
  onClick,
  tone = "plain",
  disabled = false,
  small = false,
  label,
  pressed,
  children,
}: ButtonProps): JSX.Element {
  const names = `button ${tone}${small ? " small" : ""}`;
  return (
    <button type="button" class={names} onClick={onClick} disabled={disabled} aria-label={label} aria-pressed={pressed}>
      {children}
    </button>
  );
}

export function Panel({
  title,
  aside,
  children,
}: Children & { readonly title: string; readonly aside?: ComponentChildren }): JSX.Element {
  return (
    <section class="panel" aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: Children & { readonly title: string }): JSX.Element {
  return (
    <div class="empty">
      <svg viewBox="0 0 48 48" width="40" height="40" aria-hidden="true">
        <path
          d="M8 20l16-9 16 9v17l-16 0-16 0z M8 20l16 8 16-8 M24 28v9"
          fill="none"
          stroke="currentColor"
          stroke-width="1.5"
          stroke-linejoin="round"
        />
      </svg>
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Failure({ error }: { readonly error: Error }): JSX.Element {
  return (
    <p class="notice bad" role="alert">
      <Data value={error.message} />
    </p>
  );
}

export function Skeleton({ rows = 5 }: { readonly rows?: number }): JSX.Element {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}

interface DialogProps extends Children {
  readonly title: string;
  readonly onClose: () => void;
}

/** A dialog that holds the focus until it is closed; Escape closes it, and the focus returns to where it was. */
export function Dialog({ title, onClose, children }: DialogProps): JSX.Element {
  const own = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    own.current?.showModal();
    return () => before instanceof HTMLElement && before.isConnected && before.focus();
  }, []);
  return (
    <dialog ref={own} aria-label={title} onClose={onClose} onCancel={onClose}>
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

/** Pairs of a name and a value. */
export function Facts({ of }: { readonly of: readonly (readonly [string, ComponentChildren])[] }): JSX.Element {
  return (
    <dl class="facts">
      {of.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
