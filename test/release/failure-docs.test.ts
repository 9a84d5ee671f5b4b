import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FAILURE_CLASSES } from '../../release/checks/server.ts';

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../docs/${name}`, import.meta.url)), 'utf8');

test('the page about release files says of every class whether it is tolerated', () => {
  const rows = [...read('release-file.md').matchAll(/^\| (`\w+`(?:, `\w+`)*) +\|.*\| (?:yes|no: .*) +\|$/gm)];
  const classes = rows.flatMap(([, names = '']) => names.replaceAll('`', '').split(', '));

  expect(classes.toSorted()).toEqual(FAILURE_CLASSES.toSorted());
});
