/** What a carrier of your own is made of: a request in plain values, what it proves, and how it is refused. */
export type { Carrier, Parcel } from "../carrier.ts";
export type { Door } from "../door.ts";
export type { ProblemCode } from "../problem.ts";
export { forbidden, PushRefused } from "../problem.ts";
export type { HeaderFields, Push, PushAnswer } from "../push.ts";
export { header, wholeHeader } from "../push.ts";
export type { Once } from "../replay.ts";
