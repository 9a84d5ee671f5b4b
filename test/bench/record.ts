import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';
import { markdownOf } from './tables.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

/** Writes a report into docs/: its tables into benchmarks.md in place of the last of that size, all of it as JSON. */
export async function recordReport(report: Report): Promise<void> {
  const { servers, waves } = report.settings;
  const size = `${servers}x${waves}`;
  const page = `${docs}benchmarks.md`;
  await writeFile(`${docs}benchmarks.${size}.json`, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(page, withSection(await readFile(page, 'utf8'), size, markdownOf(report)));
}

/** The page with the section between the marks of that name replaced, or added at the end. */
export function withSection(page: string, name: string, section: string): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const marked = `${begin}\n\n${section}\n\n${end}`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to === -1) return `${page.trimEnd()}\n\n${marked}\n`;
  return page.slice(0, from) + marked + page.slice(to + end.length);
}
