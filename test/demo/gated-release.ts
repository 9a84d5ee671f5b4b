import { createInterface } from 'node:readline';
import { nobodyElseMoved } from './checks.ts';
import { goodReleaseChecks } from './good-release.ts';
import { writeReleaseFile } from './release-files.ts';
import { reportRelease } from './release-report.ts';
import type { ReleaseReport } from './release-report.ts';
import { setName, showFacts, waves } from './stage.ts';
import type { Stage, Watching } from './stage.ts';

const steering = `  waves: { by: updatePriority }
  gates: [{ before: 2 }]`;

/** As long as the gate of the release waits by default. */
const patienceMs = 4 * 60 * 60_000;

/** Release 1: v1.0 -> v2.0 in three waves, with a gate before the second. */
export async function gatedRelease(stage: Stage, watching: Watching, interactive: boolean): Promise<ReleaseReport> {
  const { hotwave, narrator } = stage;
  narrator.heading('Release 1 of 3: a good version in three waves, with a gate before wave 2');
  const { file, text } = writeReleaseFile(stage, { name: 'scripts-2-0', version: 'v2.0', steering });
  narrator.command(`cat ${file}`);
  for (const line of text.trimEnd().split('\n')) narrator.output(line);
  await hotwave.run(['plan', file], 0);
  await hotwave.run(['start', file], 0);
  await hotwave.run(['watch', setName, '--until', 'gate'], 3);
  const atGate = nobodyElseMoved(watching.imageChanges, waves[0] ?? [], 'at the gate');
  await showFacts(stage);
  await (interactive ? letPersonDecide(stage) : approve(stage));
  const observation = await watching.end();
  const checks = [atGate, ...goodReleaseChecks(stage, observation, 'v2.0')];
  return reportRelease(stage, { outcome: 'done', observation, checks });
}

const approval = ['approve', setName, '--wave', '2'] as const;

async function approve({ hotwave, narrator }: Stage): Promise<void> {
  narrator.say(
    'The gate is open for a decision. A person would look around now, and then type this; the demo types it itself (npm run demo -- --interactive leaves it to you):',
  );
  await hotwave.run(approval, 0);
  await hotwave.run(['watch', setName], 0, 120_000);
}

async function letPersonDecide({ hotwave, narrator, world }: Stage): Promise<void> {
  narrator.say('Now it is your turn: nothing happens before you decide. In another terminal, in this folder:');
  narrator.command(`TEMPORAL_ADDRESS=${world.temporal.address} bin/hotwave ${approval.join(' ')}`);
  narrator.say(`or look at ${world.temporal.uiUrl} first, or press Enter here to approve.`);
  const enter = createInterface({ input: process.stdin, terminal: false });
  enter.once('line', () => {
    hotwave.run(approval, 0).catch((error: unknown) => narrator.say(String(error)));
  });
  try {
    await hotwave.run(['watch', setName], 0, patienceMs);
  } finally {
    enter.close();
  }
}
