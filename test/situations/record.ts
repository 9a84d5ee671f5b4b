import { writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { inject } from 'vitest';
import { detailsMarkdown } from '../../release/narrate/narrate.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { MESSAGES, releaseWorkflowId } from '../../workflows/messages.ts';
import { SET } from '../support/builders.ts';
import { test } from '../support/stage.ts';
import { SITUATIONS, asPeopleSee, sceneOf } from './situations.ts';
import type { Shown } from './situations.ts';

// npm run record-situations: plays each situation and writes what people saw to docs/hard-situations.md.

const path = 'docs/hard-situations.md';

test('the situations as people see them', { timeout: 300_000 }, async ({ stage }) => {
  const sections: string[] = [];
  for (const { title, what, cluster, play } of SITUATIONS) {
    const it = await stage(cluster);
    await it.workerIsKnown();
    const shown = await play(sceneOf(it, inject('temporalAddress')));
    const handle = it.client.workflow.getHandle(releaseWorkflowId(it.clusterName, SET));
    const details = asPeopleSee(detailsMarkdown(await handle.query<ReleaseState>(MESSAGES.state)), it.clusterName);
    sections.push(
      `## ${sections.length + 1}. ${title}\n\n${what}\n\n${shown.map(block).join('\n\n')}\n\nThen the Temporal UI shows:\n\n${quote(details)}`,
    );
    await handle.terminate().catch(() => undefined);
  }
  const page = `# Ten hard situations, as people see them

Made by \`npm run record-situations\`: every command was run against real workflows on a cluster in memory, and this is what
it said. The prompt names the person. The quotes are the current details of the release in the Temporal UI. The
servers answer at once here, so times below a second are left out.

${sections.join('\n\n')}
`;
  await writeFile(path, await format(page, { ...(await resolveConfig(path)), parser: 'markdown' }));
});

function block({ typed, said, code }: Shown): string {
  const lines = said
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd());
  return `\`\`\`console\n${typed}\n${lines.join('\n')}\n[exit code ${code}]\n\`\`\``;
}

function quote(markdown: string): string {
  return markdown
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
