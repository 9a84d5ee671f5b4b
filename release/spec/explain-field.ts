import { didYouMean } from './did-you-mean.ts';
import { releaseJsonSchema } from './spec.ts';

/** A field of the release file as its schema knows it. */
export interface FieldExplanation {
  /** Such as `spec.gates[].timeout`. */
  readonly path: string;
  /** Such as `a list`, `text`, `true or false`. */
  readonly type: string;
  readonly description?: string;
  /** As it would be written in the file. */
  readonly default?: string;
  readonly isRequired: boolean;
  /** The allowed values, where that is a short list. */
  readonly values: readonly string[];
  /** The fields inside it. */
  readonly fields: readonly { readonly name: string; readonly type: string; readonly description?: string }[];
}

/** The part of JSON Schema that the schema of release files uses. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** hotwave lets people choose between texts only. */
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The names at the top of a release file: whatever begins with one of them is a field and no set. */
const TOPS = ['apiVersion', 'kind', 'metadata', 'spec'] as const;

/** True for what names a field of the release file, such as `spec.bake`. */
export function isFieldPath(text: string): boolean {
  return TOPS.some((top) => text === top || text.startsWith(`${top}.`) || text.startsWith(`${top}[`));
}

/**
 * The meaning of a field of the release file, from the schema that the file is read by.
 *
 * | path | is |
 * |---|---|
 * | `spec.gates[].timeout` | the field of each gate |
 * | `spec.gates.timeout` | the same |
 * | `spec.gates[0].timeout` | the same |
 *
 * When there is no such field, the problem says which ones there are.
 */
export function explainField(path: string): FieldExplanation | { readonly problem: string } {
  const names = path.replaceAll(/\[\d*\]/g, '').split('.');
  let schema = releaseJsonSchema() as Schema;
  let isRequired = true;
  let written = '';
  for (const name of names) {
    const found = fieldNamed(schema, name);
    if (!found) return { problem: noSuchField(written, name, Object.keys(fieldsOf(schema))) };
    isRequired = found.isRequired;
    written = [`${written}${found.isInList ? '[]' : ''}`, name].filter((part) => part !== '').join('.');
    schema = found.schema;
  }
  const { description } = schema;
  return {
    path: written,
    type: typeOf(schema),
    ...(description === undefined ? {} : { description }),
    ...(schema.default === undefined ? {} : { default: JSON.stringify(schema.default) }),
    isRequired,
    values: valuesOf(schema),
    fields: Object.entries(fieldsOf(schema)).map(([name, field]) => ({
      name,
      type: typeOf(field),
      ...(field.description === undefined ? {} : { description: field.description }),
    })),
  };
}

function noSuchField(place: string, name: string, known: readonly string[]): string {
  const where = place === '' ? 'a release file' : place;
  if (known.length === 0) return `${where} has no fields inside, so it has no ${JSON.stringify(name)}`;
  return `${where} has no field ${JSON.stringify(name)}${didYouMean(name, known)}: it has ${known.join(', ')}`;
}

/** Stands for a name that people choose. */
const ANY_NAME = 'NAME';

type Found = { readonly schema: Schema; readonly isRequired: boolean; readonly isInList: boolean };

/** A field inside another one: of itself, of the elements of a list, or of entries whose names people choose. */
function fieldNamed(schema: Schema, name: string): Found | undefined {
  const { properties = {}, required = [], items, anyOf = [] } = schema;
  const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (own) return { schema: own, isRequired: required.includes(name), isInList: false };
  const inList = items && fieldNamed(items, name);
  if (inList) return { ...inList, isInList: true };
  return (
    anyOf.map((choice) => fieldNamed(choice, name)).find((found) => found !== undefined) ?? entryNamed(schema, name)
  );
}

function entryNamed({ additionalProperties, propertyNames }: Schema, name: string): Found | undefined {
  const isAllowed = propertyNames?.enum?.includes(name) ?? true;
  if (typeof additionalProperties !== 'object' || !isAllowed) return undefined;
  return { schema: additionalProperties, isRequired: false, isInList: false };
}

/** The placeholders that may be written inside a field, by name. */
function fieldsOf({
  properties,
  items,
  anyOf = [],
  additionalProperties,
  propertyNames,
}: Schema): Record<string, Schema> {
  const named = propertyNames?.enum ?? [ANY_NAME];
  const free = typeof additionalProperties === 'object' ? named.map((name) => [name, additionalProperties]) : [];
  const parts = [...anyOf, ...(items ? [items] : [])].map(fieldsOf);
  return Object.assign({}, ...parts, properties, Object.fromEntries(free)) as Record<string, Schema>;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
};

function typeOf(schema: Schema): string {
  const { type, anyOf = [], minimum, maximum, properties } = schema;
  if (type === undefined) return [...new Set(anyOf.map(typeOf))].join(' or ');
  const name = type === 'object' && properties === undefined ? 'entries by name' : (TYPES[type] ?? type);
  const bounds = boundsOf(minimum, maximum);
  return bounds === '' ? name : `${name} ${bounds}`;
}

function boundsOf(minimum: number | undefined, maximum: number | undefined): string {
  // JSON Schema says of every whole number that it is safe: that is no bound that anybody has set.
  const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum;
  const high = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (low !== undefined && high !== undefined) return `from ${low} to ${high}`;
  if (low !== undefined) return `from ${low}`;
  return high === undefined ? '' : `up to ${high}`;
}

function valuesOf(schema: Schema): readonly string[] {
  const { enum: choices, const: only, anyOf = [] } = schema;
  if (only !== undefined) return [only];
  return choices ?? anyOf.flatMap(valuesOf);
}
