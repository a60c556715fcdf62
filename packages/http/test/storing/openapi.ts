import { readFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";

const spec = new URL("../../../../spec/1.0/", import.meta.url);
export const page = (name: string): string => readFileSync(new URL(name, spec), "utf8");

type Schema = Readonly<Record<string, unknown>>;

interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Header {
  readonly required?: boolean;
  readonly schema: Schema;
}
interface Described {
  readonly headers?: Readonly<Record<string, Header | Reference>>;
  readonly content: Readonly<Record<string, Media>>;
}
interface Reference {
  readonly $ref: string;
}
interface Operation {
  readonly parameters: readonly Reference[];
  readonly requestBody: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Described | Reference>>;
}
export interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly post: Operation }>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export const openApi = JSON.parse(page("ingress.openapi.json")) as OpenApi;

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const envelope = JSON.parse(page("envelope.schema.json")) as { $id: string };
ajv.addSchema(envelope);
// Beside each other as files, by their names in memory.
const inMemory = page("ingress.openapi.json").replaceAll('"envelope.schema.json"', JSON.stringify(envelope.$id));
ajv.addSchema({ $id: "urn:waybill:ingress", ...(JSON.parse(inMemory) as object) });

const compiled = new Map<string, ValidateFunction>();

/** What is wrong with a value by the schema at a JSON pointer of the document. */
export function faultsOf(pointer: string, value: unknown): string[] {
  const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `urn:waybill:ingress#${pointer}` });
  compiled.set(pointer, validate);
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const escaped = (name: string): string => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));

/** The object at a pointer, and the pointer where it stands: through a reference. */
function at<T>(pointer: string): { pointer: string; value: T } {
  let value: unknown = openApi;
  for (const step of pointer.split("/").slice(1)) {
    value = (value as Record<string, unknown>)[decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  const { $ref } = (value ?? {}) as Partial<Reference>;
  return $ref?.startsWith("#/") ? at($ref.slice(1)) : { pointer, value: value as T };
}

export interface ReceivedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Expects that the document describes this response to a request at this path. */
export function expectDescribed(path: string, { status, headers, body }: ReceivedResponse): void {
  const { pointer, value: described } = at<Described | undefined>(`/paths/${escaped(path)}/post/responses/${status}`);
  expect(described, `${path}: the document has no ${status}`).toBeDefined();
  const type = String(headers["content-type"]);
  expect(Object.keys(described!.content)).toEqual([type]);
  expect(faultsOf(`${pointer}/content/${escaped(type)}/schema`, JSON.parse(body))).toEqual([]);
  const listed = Object.keys(described!.headers ?? {});
  for (const name of listed) {
    const header = at<Header>(`${pointer}/headers/${name}`);
    if (headers[name] === undefined) expect(header.value.required ?? false, `${status} without ${name}`).toBe(false);
    else expect(faultsOf(`${header.pointer}/schema`, headers[name])).toEqual([]);
  }
  const own = Object.keys(headers).filter((name) => /^(waybill-|x-waybill-|retry-after$|allow$)/.test(name));
  expect(
    own.filter((name) => !listed.includes(name)),
    `headers of ${status} that are not described`,
  ).toEqual([]);
}

/** Expects that a request is one that the document describes. */
export function expectAllowed(path: string, headers: Readonly<Record<string, string>>, body: string): void {
  const { parameters, requestBody } = openApi.paths[path]!.post;
  for (const { $ref } of parameters) {
    const { name } = at<{ name: string }>($ref.slice(1)).value;
    expect(faultsOf(`${$ref.slice(1)}/schema`, headers[name])).toEqual([]);
  }
  const [type = ""] = Object.keys(requestBody.content);
  const value: unknown = type === "application/json" ? JSON.parse(body) : body;
  expect(faultsOf(`/paths/${escaped(path)}/post/requestBody/content/${escaped(type)}/schema`, value)).toEqual([]);
}

/** Every example of the document, with the pointer of the schema beside it. */
export function examples(value: unknown = openApi, pointer = ""): { pointer: string; value: unknown }[] {
  if (typeof value !== "object" || value === null) return [];
  const { example, examples: many, schema } = value as Partial<Media>;
  const own = [...(example === undefined ? [] : [example]), ...Object.values(many ?? {}).map((one) => one.value)];
  const here = schema === undefined ? [] : own.map((one) => ({ pointer: `${pointer}/schema`, value: one }));
  return [...here, ...Object.entries(value).flatMap(([name, inner]) => examples(inner, `${pointer}/${escaped(name)}`))];
}
