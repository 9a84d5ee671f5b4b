/** A list as it travels: whole, or what has changed since the last one. */
export type Delta =
  { readonly kind: 'whole'; readonly value: unknown } | { readonly kind: 'changed'; readonly items: readonly Named[] };

interface Named {
  readonly name: string;
}

/** Sends of one list after the other only what is new in it, as a watch of an API server does. */
export class DeltaSender {
  #last: readonly Named[] = [];

  /** The values to send for the next value of a stream. Objects that are the same as before have not changed. */
  send(value: unknown): Delta {
    if (!isList(value)) return { kind: 'whole', value };
    const last = this.#last;
    this.#last = value;
    const sameNames = value.length === last.length && value.every(({ name }, index) => name === last[index]?.name);
    if (!sameNames) return { kind: 'whole', value };
    return { kind: 'changed', items: value.filter((item, index) => item !== last[index]) };
  }
}

/** The other end. */
export class DeltaReceiver {
  #last: readonly Named[] = [];

  /** The value that was sent. */
  receive(delta: Delta): unknown {
    if (delta.kind === 'whole') {
      if (isList(delta.value)) this.#last = delta.value;
      return delta.value;
    }
    const changed = new Map(delta.items.map((item) => [item.name, item]));
    this.#last = this.#last.map((item) => changed.get(item.name) ?? item);
    return this.#last;
  }
}

function isList(value: unknown): value is readonly Named[] {
  return Array.isArray(value);
}
