import { stringify } from 'yaml';

/** A field with what is said above it. A field without a value is a comment only. */
export interface Field {
  readonly said: readonly string[];
  readonly name?: string;
  readonly value?: unknown;
  /** Values to write instead, as comments: the field is open. */
  readonly choices?: readonly string[];
  /** Written as a comment: for those who want it. */
  readonly isAside?: true;
}

/** A value on one line, spaced as the examples are. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value);
  const entries = Object.entries(value).flatMap(([key, entry]) =>
    entry === undefined ? [] : [`${scalar(key)}: ${flow(entry)}`],
  );
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** Quoted where it has to be inside `[]` and `{}`. */
function scalar(value: unknown): string {
  const text = stringify([value], { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 });
  return text.trimEnd().slice(1, -1);
}
