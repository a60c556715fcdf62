import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props<T> {
  readonly rows: readonly T[];
  readonly rowHeight: number;
  readonly keyOf: (row: T) => string;
  readonly label: string;
  readonly head: ComponentChildren;
  readonly render: (row: T) => ComponentChildren;
  /** Names the columns of the grid. */
  readonly kind: string;
  /** Called when the end comes into view. */
  readonly onEnd?: () => void;
}

const BEYOND = 8;

/** A table of which only the rows in view are in the document, however many there are. */
export function VirtualRows<T>({ rows, rowHeight, keyOf, label, head, render, kind, onEnd }: Props<T>): JSX.Element {
  const body = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const first = Math.max(0, Math.floor(view.top / rowHeight) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + BEYOND);

  useEffect(() => {
    const element = body.current;
    if (element === null) return undefined;
    let frame = 0;
    const measure = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setView({ top: element.scrollTop, height: element.clientHeight });
      });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", measure, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      element.removeEventListener("scroll", measure);
    };
  }, []);
  useEffect(() => {
    if (last >= rows.length) onEnd?.();
  }, [last, rows.length, onEnd]);

  return (
    <div class={`grid ${kind}`} role="table" aria-label={label} aria-rowcount={rows.length + 1}>
      <div class="grid-head" role="row" aria-rowindex={1}>
        {head}
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div class="grid-body" role="rowgroup" tabIndex={0} aria-label={`${label}, rows`} ref={body}>
        <div class="grid-space" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
          {rows.slice(first, last).map((row, at) => (
            <div
              key={keyOf(row)}
              class="grid-row"
              role="row"
              aria-rowindex={first + at + 2}
              style={{ height: `${rowHeight}px`, transform: `translateY(${(first + at) * rowHeight}px)` }}
            >
              {render(row)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
