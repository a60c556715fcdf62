import type { InputOf, StandardSchema } from "./standard-schema.ts";

/**
 * Checks at compile time that a payload is JSON. `jsonArgsOf` checks at enqueue what a type does not show: `unknown`, `any`,
 * a class without methods.
 */

/** A compile error with its reason: no value has this type. */
export interface CannotBeEnqueued<Why> {
  readonly "cannot be enqueued": Why;
}

/**
 * Intersected with a schema's type: `unknown` if JSON can represent the schema's input, else an error that names the
 * member at fault.
 */
export type JsonInput<Schema> = [Schema] extends [StandardSchema]
  ? Enqueueable<InputOf<Schema>>
  : CannotBeEnqueued<"`payload` and `args` take a Standard Schema, such as z.object({ … })">;

/** Intersected with the options of a definition without a schema: `unknown`, or an error about the payload's type. */
export type JsonPayload<Payload> = [Payload] extends [StandardSchema | undefined]
  ? unknown
  : unknown extends Payload
    ? unknown
    : undefined extends Payload
      ? CannotBeEnqueued<"a payload is left out by its schema alone, such as z.undefined(); without one use null">
      : Enqueueable<Payload>;

type Enqueueable<Value> = [Fault<Value>] extends [never] ? unknown : CannotBeEnqueued<FaultAt<Value, "">>;

/** Whether a call may omit a payload of this type: if it includes `undefined` and is not `unknown` or `any`. */
export type MayBeLeftOut<Input> = unknown extends Input ? false : undefined extends Input ? true : false;

/** Intersected with a definition that is enqueued without a payload: `unknown`, or an error. */
export type OptionalPayload<Input> =
  MayBeLeftOut<Input> extends true
    ? unknown
    : CannotBeEnqueued<"without a payload: pass it after the job; null is one">;

type AnyFunction = (...given: never[]) => unknown;
type AnyClass = abstract new (...given: never[]) => unknown;

/** How many levels of a type are checked, since a recursive type has no end. */
type Deepest = 8;

/** Why JSON cannot represent this type or a member of it; `never` if it can. */
type Fault<Value, Depth extends readonly 0[] = []> = unknown extends Value
  ? never
  : Depth["length"] extends Deepest
    ? never
    : Value extends string | number | boolean | null | undefined | void
      ? never
      : [OwnFault<Value>] extends [never]
        ? FaultsOf<Value, [...Depth, 0]>
        : OwnFault<Value>;

type FaultsOf<Value, Depth extends readonly 0[]> = Value extends readonly (infer Item)[]
  ? Fault<Item, Depth>
  : { [Key in keyof Value & (string | number)]: Fault<Value[Key], Depth> }[keyof Value & (string | number)];

type OwnFault<Value> = Value extends bigint
  ? "is a bigint; send a string, as z.string() takes it"
  : Value extends symbol
    ? "is a symbol; send a string"
    : Value extends AnyFunction | AnyClass
      ? "is a function; send data alone"
      : Value extends Date
        ? "is a Date; send its ISO string, as z.iso.datetime() takes it"
        : Value extends ReadonlyMap<unknown, unknown>
          ? "is a Map; send an object"
          : Value extends ReadonlySet<unknown>
            ? "is a Set; send an array"
            : Value extends ArrayBuffer | ArrayBufferView
              ? "is binary data; send it as base64 text"
              : Value extends readonly unknown[]
                ? never
                : Value extends object
                  ? [MethodsOf<Value>] extends [never]
                    ? never
                    : "is an instance of a class, or has a method; send plain data"
                  : never;

type MethodsOf<Value> = {
  [Key in keyof Value & string]-?: unknown extends Value[Key]
    ? never
    : [Extract<Value[Key], AnyFunction>] extends [never]
      ? never
      : Key;
}[keyof Value & string];

/** As `Fault`, with the path, as in "order.placedAt is a Date …". Evaluated only if there is a fault. */
type FaultAt<Value, Path extends string, Depth extends readonly 0[] = []> = unknown extends Value
  ? never
  : [Fault<Value, Depth>] extends [never]
    ? never
    : Value extends string | number | boolean | null | undefined | void
      ? never
      : [OwnFault<Value>] extends [never]
        ? Value extends readonly (infer Item)[]
          ? FaultAt<Item, `${Path}[]`, [...Depth, 0]>
          : {
              [Key in keyof Value & (string | number)]: FaultAt<Value[Key], Member<Path, Key>, [...Depth, 0]>;
            }[keyof Value & (string | number)]
        : `${Path extends "" ? "the payload" : Path} ${OwnFault<Value>}`;

/** The path of a member. "*" stands for every key of a record. */
type Member<
  Path extends string,
  Key extends string | number,
> = `${Path extends "" ? "" : `${Path}.`}${string extends Key ? "*" : number extends Key ? "*" : Key}`;
