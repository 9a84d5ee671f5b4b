import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';
import { sectionsOf } from './tables.ts';
import type { Section } from './tables.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));

/**
 * Writes a report into docs/: its tables into benchmarks.md in place of the last of their names, and all of it as JSON
 * under the name of the first.
 */
export async function recordReport(report: Report): Promise<void> {
  const sections = sectionsOf(report);
  const page = `${docs}benchmarks.md`;
  const recorded = sections.reduce((text, section) => withSection(text, section), await readFile(page, 'utf8'));
  await writeFile(page, recorded);
  await writeFile(`${docs}benchmarks.${sections[0]?.name ?? ''}.json`, `${JSON.stringify(report, null, 2)}\n`);
}

/** The page with the section between the marks of that name replaced, or added at the end. */
export function withSection(page: string, { name, text }: Section): string {
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const marked = `${begin}\n\n${text}\n\n${end}`;
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to === -1) return `${page.trimEnd()}\n\n${marked}\n`;
  return page.slice(0, from) + marked + page.slice(to + end.length);
}
