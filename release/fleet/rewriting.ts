import { readImageReference } from '../spec/image-reference.ts';
import type { ImageReference } from '../spec/image-reference.ts';

/** How a webhook changes images: it leads them to another registry or folder, or it pins them to a digest. */
export type Rewriting = { readonly from: string; readonly to: string } | 'pinned';

/**
 * How one image becomes another one by admission; undefined when they are two images.
 *
 * | asked | found | |
 * |---|---|---|
 * | `r/a:v1` | `r/a:v1@sha256:...` | pinned |
 * | `r/a:v1` | `r/a@sha256:...` | pinned |
 * | `r/a:v1` | `mirror/r/a:v1` | `` to `mirror/` |
 * | `r/a:v1` | `mirror/x/a:v1@sha256:...` | `r/` to `mirror/x/` |
 * | `r/a@sha256:1` | `mirror/a@sha256:1` | `r/` to `mirror/` |
 * | `r/a:v1` | `r/a:v2` | two images |
 * | `r/a:v1` | `r/b:v1` | two images |
 */
export function rewritingOf(asked: string, found: string): Rewriting | undefined {
  const [before, after] = [readImageReference(asked), readImageReference(found)];
  if (!before || !after || asked === found || !isSameVersion(before, after)) return undefined;
  if (before.name === after.name) return before.digest === undefined ? 'pinned' : undefined;
  const [from, to] = [before.name.split('/'), after.name.split('/')];
  if (from.at(-1) !== to.at(-1)) return undefined;
  while (from.length > 0 && to.length > 0 && from.at(-1) === to.at(-1)) {
    from.pop();
    to.pop();
  }
  return { from: folder(from), to: folder(to) };
}

const folder = (parts: readonly string[]): string => parts.map((part) => `${part}/`).join('');

function isSameVersion(before: ImageReference, after: ImageReference): boolean {
  if (before.digest !== undefined) return before.digest === after.digest;
  return after.tag === before.tag || (after.tag === undefined && after.digest !== undefined);
}

/**
 * The name that a release has to give its image so that the same webhook leaves it as it is; undefined when it has that
 * name already. Without the digest that a webhook would look up: only a person can say which one is meant.
 */
export function settledName(
  image: string,
  { asked, found }: { readonly asked: string; readonly found: string },
): string | undefined {
  const rewriting = rewritingOf(asked, found);
  const reference = readImageReference(image);
  if (rewriting === undefined || !reference) return undefined;
  const needsDigest = reference.digest === undefined && readImageReference(found)?.digest !== undefined;
  const isOther = hasRegistry(image) !== hasRegistry(asked);
  const name = rewriting === 'pinned' || isOther ? image : inFolder(image, rewriting);
  if (needsDigest) return `${name}@sha256:...`;
  return name === image ? undefined : name;
}

/** Short names are of Docker Hub: a webhook that leads them elsewhere says nothing of names with a registry. */
function hasRegistry(image: string): boolean {
  return /^(?:localhost|[^/]*[.:][^/]*)\//.test(image);
}

function inFolder(image: string, { from, to }: Exclude<Rewriting, 'pinned'>): string {
  const isThere = (to !== '' && image.startsWith(to)) || !image.startsWith(from);
  return isThere ? image : `${to}${image.slice(from.length)}`;
}
