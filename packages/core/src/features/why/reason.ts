import type { AnyReason, WhyCode, WhyFacts } from "./why-api.ts";

/** Makes one reason. */
export function reason<Code extends WhyCode>(
  code: Code,
  facts: WhyFacts[Code],
  text: string,
  remedy: string,
): AnyReason {
  return { code, text, remedy, facts } as AnyReason;
}
