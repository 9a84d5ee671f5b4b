/** `1 server`, `3 servers`: a count with its noun. `plural` is for nouns that get more than an s. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${agreed(count, noun, plural)}`;
}

/** The words that go with a count: `agreed(1, 'is', 'are')` is `is`. One is the only count that a plural is wrong for. */
export function agreed(count: number, one: string, many: string): string {
  return count === 1 ? one : many;
}
