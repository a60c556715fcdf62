/** As plain JavaScript, a cast or a spread would call it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;

/** One wrong use: what was written, and what its error must hold: the option, the value given (never a secret), the fix. */
export type Row = readonly [written: string, use: () => unknown, option: RegExp, given: RegExp, fix: RegExp];
