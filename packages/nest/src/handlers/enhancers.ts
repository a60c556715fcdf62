import { configError } from "../config-error.ts";

/** A kind of Nest's enhancers, which run around a handler. */
export type Enhancer = "guards" | "pipes" | "interceptors" | "filters";

/**
 * Which of Nest's enhancers run for jobs: all, none, or these kinds. The order is that of a route: those of the whole
 * application, of the class, of the method.
 */
export type Enhancers = boolean | readonly Enhancer[];

// The metadata keys of Nest's decorators.
const METADATA: Readonly<Record<Enhancer, string>> = {
  guards: "__guards__",
  pipes: "__pipes__",
  interceptors: "__interceptors__",
  filters: "__exceptionFilters__",
};
const ALL = Object.keys(METADATA) as Enhancer[];

/**
 * Returns the kinds that run for one handler. Throws `CONFIG_INVALID` if the handler is decorated with a kind that does not
 * run: a guard that never runs would let every job pass.
 */
export function enhancersOf(
  handler: { readonly name: string; readonly type: object; readonly run: object },
  enhancers: Enhancers | undefined,
): ReadonlySet<Enhancer> {
  const kinds = new Set(enhancers === true ? ALL : enhancers || []);
  const unknown = [...kinds].find((kind) => !ALL.includes(kind));
  if (unknown !== undefined) throw configError(`"${unknown}" is not a kind of enhancer; there are ${ALL.join(", ")}`);
  const idle = ALL.find((kind) => !kinds.has(kind) && isDecorated(handler, METADATA[kind]));
  if (idle === undefined || enhancers === false) return kinds;
  throw configError(
    `${handler.name} is decorated with ${idle}, which do not run for its job; give \`enhancers: true\` in ` +
      "WaybillModule.forFeature([...], { … }), list the kinds that run, or give `enhancers: false` to have none",
  );
}

function isDecorated({ type, run }: { readonly type: object; readonly run: object }, key: string): boolean {
  return Reflect.hasMetadata(key, type) || Reflect.hasMetadata(key, run);
}
