import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments, stringify } from 'yaml';
import { expect, test } from 'vitest';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import { releaseJsonSchema } from '../../release/spec/spec.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/release-file.md', import.meta.url)), 'utf8');

const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, text = '']) =>
  parseAllDocuments(text).map((document) => document.toJS() as Record<string, unknown>),
);

/** An example as a whole release file: most show a part of `spec` only. */
function whole(example: Record<string, unknown>): string {
  if ('kind' in example) return stringify(example);
  const spec = {
    target: { gameServerSet: 's' },
    images: { sidecar: 'registry.test/scripts:v2' },
    reload: { self: {} },
    proof: { http: { port: 80, path: '/version' } },
    ...example,
  };
  return stringify({ apiVersion: 'hotwave.dev/v1', kind: 'Release', metadata: { name: 'r' }, spec });
}

test('every example of the page is a valid release file', () => {
  const complaints = examples.flatMap((example) => {
    const reading = readReleaseFile(whole(example));
    return 'diagnostics' in reading ? reading.diagnostics.map((found) => formatDiagnostic('example', found)) : [];
  });
  expect(complaints).toEqual([]);
  expect(examples.length).toBeGreaterThan(12);
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

function fieldsOf(schema: Schema): string[] {
  const properties = Object.entries(schema.properties ?? {});
  const branches = [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])];
  return [
    ...properties.map(([name]) => name),
    ...properties.flatMap(([, inner]) => fieldsOf(inner)),
    ...branches.flatMap(fieldsOf),
  ];
}

test('the page names every field', () => {
  const fields = [...new Set(fieldsOf(releaseJsonSchema()))];
  const words = new Set(page.match(/\w+/g));
  expect(fields.length).toBeGreaterThan(50);
  expect(fields.filter((field) => !words.has(field))).toEqual([]);
});
