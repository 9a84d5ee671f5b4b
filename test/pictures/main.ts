import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { CARDS } from './cards.ts';

// node scripts/run.mjs test/pictures/main.ts
// Makes docs/pictures/card-*.png again: the JSON that the gateway sends to each chat, drawn with our own HTML and not by
// the chats, with a headless Chromium (Debian: apt install chromium), or with the one that $CHROMIUM names.

const STYLE = `body { margin: 0 } main { font: 14px/1.4 "DejaVu Sans", sans-serif; width: 560px; padding: 12px 16px; background: #fff }
h2 { font-size: 16px } p { white-space: pre-wrap; margin: 8px 0 } small { color: #777 } div { margin: 6px 0 }
button { font: inherit; padding: 4px 12px; border: 1px solid #bbb; border-radius: 4px; background: #fff }
button.primary { background: #1264a3; color: #fff } button.danger { background: #c0392b; color: #fff }`;

const folder = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
mkdirSync(folder, { recursive: true });
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
// Chromium's own sandbox refuses to run as root; it opens nothing but our page.
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ viewport: { width: 592, height: 400 } });
  for (const [chat, card] of Object.entries(CARDS)) {
    const note = `<small>${chat}: hotwave's own drawing of the JSON that is sent</small>`;
    await page.setContent(`<style>${STYLE}</style><main>${note}${card}</main>`);
    await page.locator('main').screenshot({ path: join(folder, `card-${chat}.png`) });
  }
} finally {
  await browser.close();
}
