import { refuse } from "./refuse.ts";

/** A kind of what Nest puts around a handler. */
export type Enhancer = "guards" | "pipes" | "interceptors" | "filters";

/**
 * Which of Nest's enhancers run for jobs: all, none, or these kinds. A kind that runs does so as Nest has it for a route:
 * those of the whole application, then those of the class, then those of the method.
 */
export type Enhancers = boolean | readonly Enhancer[];

// Where Nest's decorators write them down.
const METADATA: Readonly<Record<Enhancer, string>> = {
  guards: "__guards__",
  pipes: "__pipes__",
  interceptors: "__interceptors__",
  filters: "__exceptionFilters__",
};
const ALL = Object.keys(METADATA) as Enhancer[];

/**
 * The kinds that run for one handler. Throws `CONFIG_INVALID` for one that is decorated with a kind that does not: a
 * guard that never runs looks like one that lets everybody in.
 */
export function enhancersOf(
  handler: { readonly name: string; readonly type: object; readonly run: object },
  enhancers: Enhancers | undefined,
): ReadonlySet<Enhancer> {
  const kinds = new Set(enhancers === true ? ALL : enhancers || []);
  const unknown = [...kinds].find((kind) => !ALL.includes(kind));
  if (unknown !== undefined) throw refuse(`"${unknown}" is not a kind of enhancer; there are ${ALL.join(", ")}`);
  const idle = ALL.find((kind) => !kinds.has(kind) && isDecorated(handler, METADATA[kind]));
  if (idle === undefined || enhancers === false) return kinds;
  throw refuse(
    `${handler.name} is decorated with ${idle}, which do not run for its job; say \`enhancers: true\` in ` +
      "WaybillModule.forFeature([...], { … }), list the kinds that are to run, or say `enhancers: false` to have none",
  );
}

function isDecorated({ type, run }: { readonly type: object; readonly run: object }, key: string): boolean {
  return Reflect.hasMetadata(key, type) || Reflect.hasMetadata(key, run);
}
