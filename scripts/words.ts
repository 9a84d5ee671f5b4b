import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { goneWords } from './gone-words.ts';

// Says where words stand that docs/glossary.md has replaced; a part of `npm run check`.

/** Paths that may have them, each with its reason. */
const EXCEPTIONS: readonly { readonly path: RegExp; readonly reason: string }[] = [
  { path: /^docs\/decisions\//, reason: 'records of their time' },
  { path: /^test\/replay\/histories\//, reason: 'recorded by the versions before' },
  { path: /^package-lock\.json$|\.png$/, reason: 'made by machines' },
  { path: /^scripts\/gone-words\.ts$|^test\/release\/gone-words\.test\.ts$/, reason: 'they name the words' },
];

const { stdout } = await execa('git', ['ls-files', '--cached', '--others', '--exclude-standard']);
const paths = stdout.split('\n').filter((path) => !EXCEPTIONS.some((exception) => exception.path.test(path)));
const sentences = (await Promise.all(paths.map(sentencesOf))).flat();
process.stdout.write(sentences.map((sentence) => `${sentence}\n`).join(''));
process.exitCode = sentences.length > 0 ? 1 : 0;

async function sentencesOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const inName = goneWords(path.replaceAll(/[/.-]/g, ' '));
  const inText = goneWords(text);
  return [
    ...inName.map((found) => `${path}: its name has "${found.text}"; write ${found.instead}`),
    ...inText.map((found) => `${path}:${found.line}: "${found.text}" is gone; write ${found.instead}`),
  ];
}
