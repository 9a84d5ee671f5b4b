import { sameJson, valueAt } from '../../release/patches/patches.ts';
import { changedFields } from './fake-set-model.ts';
import type { RawSet } from './fake-set-model.ts';

/** Who wrote the fields of a set, as the API server's managed fields tell it. All fields are JSON pointers. */
export class FieldOwners {
  /** Who changed a field last. */
  readonly #writers = new Map<string, string>();
  /** Who applies a field (server-side apply), until somebody else changes it. */
  readonly #appliers: Map<string, string>;

  constructor(appliedBy: Readonly<Record<string, string>> = {}) {
    this.#appliers = new Map(Object.entries(appliedBy));
  }

  /** Takes in a change. */
  changed(before: RawSet, after: RawSet, manager: string): void {
    for (const pointer of changedFields(before, after)) this.#writers.set(pointer, manager);
    for (const [pointer, applier] of this.#appliers)
      if (applier !== manager && !sameJson(valueAt(before, pointer), valueAt(after, pointer)))
        this.#appliers.delete(pointer);
  }

  /** Takes in that somebody has applied everything that hotwave writes too. */
  applied(set: RawSet, manager: string): void {
    for (const pointer of sharedFields(set)) this.#appliers.set(pointer, manager);
  }

  /** Who applies what. */
  appliers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#appliers);
  }

  /** Who changed last what hotwave writes too. */
  lastWriters(set: RawSet): Readonly<Record<string, string>> {
    const found = sharedFields(set).map((pointer) => [pointer, this.writerOf(pointer)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  /** Who changed a field last, if anybody did since the set was made. */
  writerOf(pointer: string): string | undefined {
    const known = [...this.#writers].find(([field]) => pointer === field || pointer.startsWith(`${field}/`));
    return known?.[1];
  }
}

/** What hotwave writes too. */
function sharedFields({ spec }: RawSet): string[] {
  const { containers } = spec.gameServerTemplate.spec;
  const images = containers.map((_, index) => `/spec/gameServerTemplate/spec/containers/${index}/image`);
  return [...images, '/spec/updateStrategy', '/spec/replicas'];
}
