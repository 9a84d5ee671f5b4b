import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { memoryWorld } from '../demo/memory-world.ts';
import { Narrator } from '../demo/narrator.ts';
import { writeReleaseFile } from '../demo/release-files.ts';
import { setName, setStage } from '../demo/stage.ts';

// node scripts/run.mjs test/report/temporal-ui.ts
// Makes docs/images/temporal-ui-list.png again: Temporal's list of workflows after a release and rounds of commands that only
// read, on the simulated cluster, with a headless Chromium (Debian: apt install chromium), or with the one that
// $CHROMIUM names.

const ROUNDS = 12;
/** Commands that only read, and their exit codes while a release waits at its gate. */
const READING = [
  { words: ['status', setName], code: 3 },
  { words: ['explain', setName], code: 3 },
  { words: ['list'], code: 0 },
  { words: ['history', setName], code: 0 },
  { words: ['versions', setName], code: 0 },
] as const;

const narrator = new Narrator(process.stderr, process.env);
const ending: (() => Promise<void>)[] = [];
const world = await memoryWorld(`pictures-${process.pid}`, (line) => narrator.progress(line));
try {
  const stage = await setStage(world, narrator, new AbortController().signal);
  ending.push(() => stage.worker.stop());
  const good = writeReleaseFile(stage, {
    name: 'scripts-2-0',
    version: 'v2.0',
    steering: '  waves: { by: updatePriority }\n  gates: [{ before: 2 }]',
  });
  await stage.hotwave.run(['plan', good.file], 0);
  await stage.hotwave.run(['start', good.file, '--wait', '--until', 'gate'], 3);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const { words, code } of READING) await stage.hotwave.run([...words], code);
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    // Chromium's own sandbox refuses to run as root; it opens nothing but the lab's UI.
    args: ['--no-sandbox'],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 700 } });
  await page.goto(`${world.temporal.uiUrl}/namespaces/default/workflows`);
  await page.getByText('hotUpdate').first().waitFor({ timeout: 20_000 });
  await page.screenshot({
    path: join(fileURLToPath(new URL('../../docs/images/', import.meta.url)), 'temporal-ui-list.png'),
    animations: 'disabled',
  });
  await browser.close();
} finally {
  for (const end of ending) await end();
  await world.stop();
}
