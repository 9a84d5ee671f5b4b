import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { reportPage } from '../../client/report/page.ts';
import { reportOf } from '../../client/report/report.ts';
import { aStory } from '../support/a-story.ts';

// node scripts/run.mjs test/report/main.ts
// Makes docs/images/report-*.png again, from a made-up release of 6 servers and one of 10,000, with a headless Chromium
// (Debian: apt install chromium), or with the one that $CHROMIUM names.

const PICTURES = [
  { name: 'light', servers: 6, colorScheme: 'light', media: 'screen' },
  { name: 'dark', servers: 6, colorScheme: 'dark', media: 'screen' },
  { name: 'print', servers: 6, colorScheme: 'light', media: 'print' },
  { name: '10000-servers', servers: 10_000, colorScheme: 'light', media: 'screen' },
] as const;

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
mkdirSync(folder, { recursive: true });
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
// Chromium's own sandbox refuses to run as root; it opens nothing but our page.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  for (const { name, servers, colorScheme, media } of PICTURES) {
    const page = await browser.newPage({ viewport: { width: 1_000, height: 700 }, colorScheme });
    await page.emulateMedia({ media, colorScheme });
    const { state, works, now } = aStory(servers);
    const started = performance.now();
    const html = reportPage(reportOf(state, works, now));
    process.stdout.write(`${name}: ${html.length} characters in ${Math.round(performance.now() - started)} ms\n`);
    await page.setContent(html);
    await page.screenshot({ path: join(folder, `report-${name}.png`), fullPage: true });
    await page.close();
  }
} finally {
  await browser.close();
}
