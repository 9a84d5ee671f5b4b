import { writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { test } from '../support/stage.ts';
import { asMarkdown, playNight } from './night.ts';

// npm run record-situations: plays the night and writes what the chat has seen to docs/night-in-chat.md.

const path = 'docs/night-in-chat.md';

test('the night as the chat sees it', { timeout: 300_000 }, async ({ stage, connections }) => {
  const seen = await playNight(stage, connections);
  const page = `# A night in the chat

Made by \`npm run record-situations\`: three releases on a cluster in memory with real workflows, a real gateway and DingTalk's
own client library; only DingTalk itself is played. Here is everything that the group saw, in order. ann starts the releases
and goes; bob decides, and nobody types a command. Answers to bob are seen by bob alone.

${seen.map(asMarkdown).join('\n\n')}
`;
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), parser: 'markdown' }));
});
