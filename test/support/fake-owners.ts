import { sameJson, valueAt } from '../../release/patches/patches.ts';
import { TEMPLATE, templateFields } from '../../release/patches/template.ts';
import { changedFields } from './fake-set-model.ts';
import type { RawSet } from './fake-set-model.ts';

const CONTAINERS = '/spec/gameServerTemplate/spec/containers';

/**
 * The managers that wrote the fields of a set, as the API server's managed fields tell it. All fields are JSON
 * pointers.
 */
export class FieldOwners {
  /** The manager that changed a field last. */
  readonly #writers = new Map<string, string>();
  /**
   * The manager that applies a field (server-side apply), until somebody else changes it: single values and whole
   * lists.
   */
  readonly #appliers = new Map<string, string>();

  /** @param appliedBy who applies what from the start */
  constructor(set: RawSet, appliedBy: Readonly<Record<string, string>> = {}) {
    for (const [pointer, manager] of Object.entries(appliedBy)) this.#apply(set, pointer, manager);
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
    for (const pointer of [CONTAINERS, '/spec/updateStrategy', '/spec/replicas']) this.#apply(set, pointer, manager);
  }

  /** Everybody who owns a field. */
  managers(): readonly string[] {
    return [...new Set([...this.#appliers.values(), ...this.#writers.values()])];
  }

  /** The manager that applies what hotwave writes too, or a part of it. */
  appliers(set: RawSet): Readonly<Record<string, string>> {
    return found(sharedFields(set), (pointer) => [...this.#appliers].find(([field]) => overlaps(field, pointer))?.[1]);
  }

  /** The manager that changed last what hotwave writes too. */
  lastWriters(set: RawSet): Readonly<Record<string, string>> {
    return found(sharedFields(set), (pointer) => this.writerOf(pointer));
  }

  /** The manager that changed a field last, if anybody did since the set was made. */
  writerOf(pointer: string): string | undefined {
    const known = [...this.#writers].find(([field]) => pointer === field || pointer.startsWith(`${field}/`));
    return known?.[1];
  }

  #apply(set: RawSet, pointer: string, manager: string): void {
    for (const leaf of leavesAt(pointer, valueAt(set, pointer))) this.#appliers.set(leaf, manager);
  }
}

/** The fields that hotwave writes too. */
function sharedFields({ spec }: RawSet): string[] {
  const images = spec.gameServerTemplate.spec.containers.map((_, index) => `${CONTAINERS}/${index}/image`);
  const template = Object.keys(templateFields(spec.gameServerTemplate, '')).map((pointer) => `${TEMPLATE}${pointer}`);
  return [...new Set([...images, ...template, '/spec/updateStrategy', '/spec/replicas'])];
}

function overlaps(left: string, right: string): boolean {
  return left === right || left.startsWith(`${right}/`) || right.startsWith(`${left}/`);
}

/** The values of an object one by one. A list counts as one: the schema of a GameServerSet's template has no keys. */
function leavesAt(pointer: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [pointer];
  return Object.entries(value).flatMap(([key, field]) => leavesAt(`${pointer}/${key}`, field));
}

function found(pointers: readonly string[], look: (pointer: string) => string | undefined): Record<string, string> {
  const entries = pointers.map((pointer) => [pointer, look(pointer)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}
