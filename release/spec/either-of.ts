/** `1, 2 or 3` */
export function eitherOf(values: readonly unknown[]): string {
  const words = values.map(String);
  return [words.slice(0, -1).join(', '), words.at(-1) ?? ''].filter((part) => part !== '').join(' or ');
}
