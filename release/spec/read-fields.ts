/** The issues of a value so far, as zod hands it to a check. */
interface SoFar {
  readonly issues: readonly { readonly path?: readonly PropertyKey[] | undefined }[];
}

/** Where a field is: `['gates', 0, 'timeout']`. */
export type FieldPath = readonly (string | number)[];

/**
 * True when nothing is wrong with these fields, in them or around them. A check that combines fields asks this first:
 * what it would say of a field that was not understood is a second sentence for one mistake, and often a wrong one.
 */
export function wereRead({ issues }: SoFar, ...fields: readonly FieldPath[]): boolean {
  return fields.every((field) => !issues.some(({ path = [] }) => isAlong(path, field)));
}

/** The condition `when` of a check that combines these fields of one object. */
export function whenRead(...names: readonly string[]): (soFar: SoFar) => boolean {
  return (soFar) => wereRead(soFar, ...names.map((name) => [name]));
}

/** One is the other, or around it. */
function isAlong(left: readonly PropertyKey[], right: FieldPath): boolean {
  const length = Math.min(left.length, right.length);
  return left.slice(0, length).every((part, index) => part === right[index]);
}
