import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * A folder below hotwave's cache, made if it is missing. The cache is `$HOTWAVE_CACHE`, else
 * `$XDG_CACHE_HOME/hotwave`, else `~/.cache/hotwave`: outside the checkout, so that a second clone
 * does not build the server programs again.
 */
export function cacheFolder(...parts: readonly string[]): string {
  const folder = join(cacheRoot(), ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function cacheRoot(): string {
  const { HOTWAVE_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  if (own !== undefined && own !== '') return own;
  if (shared !== undefined && shared !== '') return join(shared, 'hotwave');
  return join(homedir(), '.cache', 'hotwave');
}
