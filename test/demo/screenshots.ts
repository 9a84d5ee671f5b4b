import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { startLab } from '../lab/lab.ts';
import { truthLabObstacle } from '../lab/truth-obstacle.ts';
import { chooseLab } from './choose-lab.ts';
import { Narrator } from './narrator.ts';
import { writeReleaseFile } from './release-files.ts';
import { labWorld } from './lab-world.ts';
import { setName, setStage } from './stage.ts';
import type { Stage } from './stage.ts';
import type { World } from './world.ts';

// node scripts/run.mjs test/demo/screenshots.ts
// Makes the pictures in docs/images again: two releases of the demo as Temporal's web UI shows them, taken with a
// headless Chromium (Debian: apt install chromium), or with the one that $CHROMIUM names.

/** A page of the web UI about one workflow. */
interface UiPage {
  /** The end of its address. */
  readonly path: string;
  /** How much of it is worth showing. */
  readonly height: number;
  /** Resolves when the UI has shown what it fetches last. */
  readonly isComplete: (page: Page) => Promise<void>;
}

const browserProgram = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const waiting = { timeout: 20_000 };
const details: UiPage = {
  path: 'user-metadata',
  height: 880,
  // Markdown is shown in frames: summary, details, current details.
  isComplete: (page) => page.locator('iframe').nth(2).contentFrame().locator('table').first().waitFor(waiting),
};
const timeline: UiPage = {
  path: 'timeline',
  height: 1180,
  isComplete: (page) => page.getByText('preflight and plan').first().waitFor(waiting),
};

if (existsSync(browserProgram)) await main();
else {
  process.stderr.write(`hotwave: there is no ${browserProgram}: install Chromium, or put its path into $CHROMIUM\n`);
  process.exitCode = 69;
}

async function main(): Promise<void> {
  const narrator = new Narrator(process.stderr, process.env);
  const { kind } = chooseLab(undefined, truthLabObstacle());
  const lab = await startLab({ kind, name: `pictures-${process.pid}`, log: (line) => narrator.progress(line) });
  try {
    const stage = await setStage(labWorld(lab), narrator, new AbortController().signal);
    // Chromium's own sandbox refuses to run as root, as the truth lab does; it opens nothing but the lab's UI.
    const browser = await chromium.launch({ executablePath: browserProgram, args: ['--no-sandbox'] });
    mkdirSync(folder, { recursive: true });
    await takePictures(stage, browser).finally(() => browser.close());
  } finally {
    await lab.stop();
  }
}

async function takePictures(stage: Stage, browser: Browser): Promise<void> {
  const { hotwave, game, world } = stage;
  const steering = '  waves: { by: updatePriority }\n  gates: [{ before: 2 }]';
  const good = writeReleaseFile(stage, { name: 'scripts-2-0', version: 'v2.0', steering });
  await hotwave.run(['start', good.file, '--wait', '--until', 'gate'], 3);
  await takePicture(browser, world, details, 'at-the-gate-details.png');
  await takePicture(browser, world, timeline, 'at-the-gate-timeline.png');
  await hotwave.run(['approve', setName, '--wave', '2', '--reason', 'wave 1 looks good'], 0);
  await hotwave.run(['watch', setName], 0);
  const bad = writeReleaseFile(stage, { name: 'scripts-2-1', version: game.badVersion, steering });
  await hotwave.run(['start', bad.file, '--wait'], 2);
  await takePicture(browser, world, details, 'rolled-back-details.png');
  await takePicture(browser, world, timeline, 'rolled-back-timeline.png');
}

async function takePicture(
  browser: Browser,
  { temporal }: World,
  { path, height, isComplete }: UiPage,
  file: string,
): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height } });
  const workflow = encodeURIComponent(releaseWorkflowId('default', { namespace: 'default', name: setName }));
  // Without a run, the UI goes to the newest one, but always to its timeline.
  await page.goto(`${temporal.uiUrl}/namespaces/default/workflows/${workflow}`, { waitUntil: 'domcontentloaded' });
  await page.waitForURL(/\/timeline/, waiting);
  await page.goto(page.url().replace('/timeline', `/${path}`), { waitUntil: 'domcontentloaded' });
  await isComplete(page);
  await page.screenshot({ path: join(folder, file), animations: 'disabled' });
  await page.close();
}
