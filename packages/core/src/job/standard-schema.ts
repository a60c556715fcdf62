/**
 * The part of Standard Schema v1 that waybill reads, by type only, so that core depends on nothing.
 * Source: the published interface at standardschema.dev, version 1.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The member that the standard defines. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The input of a schema. For any other type the type itself, which is the payload of a definition without a schema. */
export type InputOf<Schema> = Schema extends StandardSchema ? Types<Schema>["input"] : WithoutSchema<Schema>;
export type OutputOf<Schema> = Schema extends StandardSchema ? Types<Schema>["output"] : WithoutSchema<Schema>;

type Types<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>;
/** `payload: undefined` gives the payload no type. */
type WithoutSchema<Payload> = [Payload] extends [undefined] ? unknown : Payload;
