import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The version of hotwave, from its package.json, wherever the sources or the build lie. */
export function hotwaveVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined) return 'unknown';
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: string };
  return version ?? 'unknown';
}
