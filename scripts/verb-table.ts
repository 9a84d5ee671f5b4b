import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { VERBS } from '../release/progress/state.ts';
import type { Verb } from '../release/progress/state.ts';
import { OPEN_PHASES, VERB_TABLE } from '../release/decisions/verbs.ts';
import type { Cell, OpenPhase } from '../release/decisions/verbs.ts';

// Writes docs/verbs.md; with --check it only says whether the committed file is up to date.

const path = 'docs/verbs.md';
const phases = Object.keys(OPEN_PHASES) as OpenPhase[];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const sentence = (cell: Cell): string => {
  if ('refuses' in cell) return `refused: ${named(cell.refuses)}`;
  return `**${cell.accepts}**${cell.provided === undefined ? '' : ` (provided that ${cell.provided})`}`;
};

const named = (text: string): string =>
  text.replaceAll('{release}', 'the release').replaceAll('{gate}', 'N').replaceAll('{wave}', 'N');

const sectionOf = (verb: Verb): string =>
  `## ${verb}\n\n${table(
    ['while it is', 'what happens'],
    phases.map((phase) => [phase, sentence(VERB_TABLE[verb][phase])]),
  )}`;

const page = `# Verbs and states

Made by \`node scripts/verb-table.ts\` from \`release/decisions/verbs.ts\`, which is also what a release judges by and what \`--help\`
prints. A decision is accepted with an effect or refused with the reason; it is never ignored. A release that has ended
refuses every verb; \`hotwave rollback\` then starts a release back, by what is written on the set.

${table(
  ['', ...phases],
  VERBS.map((verb) => [verb, ...phases.map((phase) => ('accepts' in VERB_TABLE[verb][phase] ? 'yes' : ''))]),
)}

The states:

${phases.map((phase) => `- \`${phase}\`: ${OPEN_PHASES[phase]}`).join('\n')}

\`halt\` and \`unhalt\` reach a release through \`hotwave halt\` and \`hotwave unhalt\`, with \`--only SET\` one release alone;
\`supersede\` through \`hotwave start --supersede\`.

${VERBS.map(sectionOf).join('\n\n')}
`;

const wanted = await format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
if (!process.argv.includes('--check')) {
  await writeFile(path, wanted);
} else if ((await readFile(path, 'utf8').catch(() => '')) !== wanted) {
  process.stderr.write(
    `${path} is not what release/decisions/verbs.ts says: run node scripts/verb-table.ts and commit it\n`,
  );
  process.exitCode = 1;
}
