export type Enhancer = "guards" | "pipes" | "interceptors" | "filters";

/** Which of Nest's enhancers run for jobs: all, none, or these kinds; those of the whole application included. */
export type Enhancers = boolean | readonly Enhancer[];
