import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useMedia } from "./hooks.ts";
import { lonely } from "./lonely-points.ts";

export interface Series {
  readonly name: string;
  /** A colour of the style sheet: "--accent". */
  readonly colour: string;
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
}

interface Props {
  /** Unix milliseconds. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly unit: (value: number) => string;
  /** Between two labels of the axis, whichever fits: no label is shown twice. */
  readonly steps: readonly number[];
  /** Read to those who do not see it. */
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

/** For whole numbers. */
export const COUNT_STEPS: readonly number[] = Array.from({ length: 12 }, (_, at) =>
  [1, 2, 5].map((one) => one * 10 ** at),
).flat();
/** For milliseconds: as a clock is read. */
export const TIME_STEPS: readonly number[] = [
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
  [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800].map((seconds) => seconds * 1_000),
  [1, 2, 3, 6, 12, 24, 48, 96, 240].map((hours) => hours * 3_600_000),
].flat();

const HEIGHT = 168;

export function Chart({ times, series, unit, steps, label, from, to }: Props): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<UPlot | null>(null);
  const range = useRef<[number, number]>([from, to]);
  range.current = [from / 1_000, to / 1_000];
  const isDark = useMedia("(prefers-color-scheme: dark)");
  const data = [
    times.map((at) => at / 1_000),
    ...series.map(({ values }) => [...values]),
  ] as unknown as UPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const names = series.map(({ name }) => name).join("|");

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const styles = getComputedStyle(element);
    const colour = (name: string): string => styles.getPropertyValue(name).trim();
    const axis: UPlot.Axis = {
      stroke: colour("--muted"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const made = new UPlot(
      {
        width: element.clientWidth || 300,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { size: 6 }, drag: { setScale: false } },
        padding: [8, 8, 0, 0],
        scales: {
          x: { range: () => range.current },
          y: { range: (_, __, most) => [0, Math.max(1, (most ?? 0) * 1.15)] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            space: 64,
            values: (_, ticks) => ticks.map((tick) => hourOf(tick)),
          },
          { ...axis, size: 46, space: 36, incrs: [...steps], values: (_, ticks) => ticks.map((tick) => unit(tick)) },
        ],
        series: [
          {},
          ...series.map(({ name, colour: of, isFilled }) => ({
            label: name,
            stroke: colour(of),
            width: 1.75,
            points: {
              show: false,
              size: 5,
              fill: colour(of),
              filter: (own: UPlot, at: number) => lonely(own.data[at] ?? []),
            },
            ...(isFilled && { fill: `color-mix(in srgb, ${colour(of)} 12%, transparent)` }),
          })),
        ],
      },
      latest.current,
      element,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [isDark, names]);
  useEffect(() => chart.current?.setData(data), [times, series]);

  return (
    <figure class="chart">
      <figcaption>
        {series.map(({ name, colour }) => (
          <span key={name}>
            <i class={`swatch ${colour.slice(2)}`} />
            {name}
          </span>
        ))}
      </figcaption>
      <div ref={place} role="img" aria-label={label} />
    </figure>
  );
}

function hourOf(seconds: number): string {
  const at = new Date(seconds * 1_000);
  return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
}
