import type { z } from 'zod';
import { PLAIN_WORDS, problemsOf } from '../spec/issue-sentences.ts';
import { proof as proofSchema } from '../spec/probe-spec.ts';
import { reload as reloadSchema } from '../spec/reload-spec.ts';
import { PROOFS, RELOADS } from './forms.ts';

/** A part of a release file in the words of the file, such as `{ http: { port: 80, path: /version } }`. */
export type Written = Readonly<Record<string, unknown>>;

/** A line of a person, read; or the problem with it. */
export type ReadHow = { readonly written: Written } | { readonly problem: string };

/** Reads `exec /usr/sbin/nginx -s reload`, `http 80 /reload` or `self`; commands run in the container of the engine. */
export function readReload(text: string, container: string): ReadHow {
  return read(text, { container, forms: RELOADS, schema: reloadSchema });
}

/** Reads `http 80 /version`, `exec game --version`, `file /app/VERSION`, `log LINE` or `serviceQuality NAME`. */
export function readProof(text: string, container: string): ReadHow {
  return read(text, { container, forms: PROOFS, schema: proofSchema });
}

interface Grammar {
  readonly container: string;
  readonly forms: readonly string[];
  readonly schema: z.ZodType;
}

function read(text: string, { container, forms, schema }: Grammar): ReadHow {
  const [kind = '', ...words] = text.trim().split(/\s+/);
  const isKnown = forms.some((form) => form.split(' ')[0] === kind);
  const written = isKnown ? WRITTEN[kind]?.(words, container) : undefined;
  if (!written) return { problem: `expected one of: ${forms.join(', ')}` };
  const [problem] = problemsOf(schema.safeParse(written, PLAIN_WORDS).error?.issues ?? []);
  return problem ? { problem: `${problem.path.slice(1).join('.')}: ${problem.message}` } : { written };
}

/** Words are split at blanks: an argument with blanks is written into the file by hand. */
const WRITTEN: Readonly<Record<string, (words: readonly string[], container: string) => Written | undefined>> = {
  self: (words) => (words.length === 0 ? { self: {} } : undefined),
  exec: (command, container) => (command.length > 0 ? { exec: { container, command } } : undefined),
  http: ([port = '', path, ...more]) =>
    path === undefined || more.length > 0
      ? undefined
      : { http: { port: /^\d+$/.test(port) ? Number(port) : port, path } },
  file: ([path, ...more], container) =>
    path === undefined || more.length > 0 ? undefined : { file: { container, path } },
  log: (words, container) => (words.length > 0 ? { log: { container, line: words.join(' ') } } : undefined),
  serviceQuality: ([name, ...more]) =>
    name === undefined || more.length > 0 ? undefined : { serviceQuality: { name } },
};
