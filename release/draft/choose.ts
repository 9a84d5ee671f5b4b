import type { Written } from './how.ts';
import type { ContainerDescription } from './read-template.ts';
import type { SetDescription } from './set-description.ts';

/** The choices of a person, beside what can be seen. */
export interface DraftChoices {
  readonly container: string;
  /** How it is known that this is the sidecar. */
  readonly because: string;
  /** The new image; default the one that the template has: then nothing moves until somebody writes another. */
  readonly image?: string | undefined;
  /** As in the file; without it the line is left to be filled in. */
  readonly reload?: Written | undefined;
  readonly proof?: Written | undefined;
}

/** The container whose image a release would change and how that is known, or those among which a person has to choose. */
export type SidecarChoice =
  { readonly container: string; readonly because: string } | { readonly candidates: readonly string[] };

/**
 * Which container is the sidecar, as far as that can be seen:
 *
 * | seen | the sidecar is |
 * |---|---|
 * | a record of an earlier release | the container that it changed |
 * | one container | that one: the engine itself |
 * | two containers | the one that is not the main container |
 * | several, one of which shares a folder with the main container | that one |
 * | anything else | asked |
 */
export function sidecarOf({ containers, main, earlier }: SetDescription): SidecarChoice {
  const names = containers.map(({ name }) => name);
  if (earlier && names.includes(earlier.container))
    return { container: earlier.container, because: `release ${earlier.release} has changed it` };
  const [only] = names;
  if (only !== undefined && names.length === 1) return { container: only, because: 'the template has no other' };
  const others = containers.filter(({ name }) => name !== main);
  const [other] = others;
  if (other && others.length === 1) return { container: other.name, because: `${main} is the main container` };
  const engine = containers.find(({ name }) => name === main);
  const sharing = others.filter((container) => engine && sharedFolder(engine, container) !== undefined);
  const [sharer] = sharing;
  if (sharer && sharing.length === 1)
    return { container: sharer.name, because: `it alone shares a folder with the main container ${main}` };
  return { candidates: others.map(({ name }) => name) };
}

/** Where the engine sees the folder that it shares with a sidecar; undefined when they share none. */
export function sharedFolder(engine: ContainerDescription, sidecar: ContainerDescription): string | undefined {
  const shared = Object.keys(engine.folders).find((volume) => volume in sidecar.folders);
  return shared === undefined ? undefined : engine.folders[shared];
}
