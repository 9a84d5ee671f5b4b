import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';

/** The root of this checkout, without a slash at its end. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A short name of this checkout for folders: a lab belongs to it, and a second clone or worktree has labs of its own. */
export function checkoutId(): string {
  return createHash('sha256').update(checkout).digest('hex').slice(0, 8);
}
