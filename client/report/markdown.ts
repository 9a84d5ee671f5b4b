import { escapeMarkdown } from '../../release/narrate/narrate.ts';
import type { ServerFailure } from '../../release/checks/server.ts';
import type { Report } from './report.ts';
import { moment } from './report.ts';

/** More rows than this are for the HTML file. */
const MOST_ROWS = 100;

/** The report as Markdown, for an issue or a wiki; the picture is in the HTML file alone. */
export function reportMarkdown(report: Report): string {
  const { title, why, facts, waves, failures, failedBefore, decisions, warnings, writtenAt } = report;
  const parts = [
    `# ${escapeMarkdown(title, 300)}`,
    escapeMarkdown(why, 2_000),
    facts.map(([name, value]) => `- **${name}**: ${escapeMarkdown(value, 500)}`).join('\n'),
    table(
      'Waves',
      ['Wave', 'State', 'Servers', 'Proved', 'Failed', 'Waited before', 'Took', 'Of that'],
      waves.map(({ name, status, size, proven, failed, waited, took, stages }) => [
        name,
        status,
        ...[size, proven, failed].map(String),
        waited,
        took,
        stages.map(([stage, time]) => `${stage} ${time}`).join(', '),
      ]),
    ),
    failureTable('Failed servers', failures),
    failureTable('Failed before, and back since', failedBefore),
    table(
      'Decisions',
      ['When', 'Decision', 'By', 'Over', 'Name', 'Answer', 'Reason'],
      decisions.map(({ at, verb, actor, channel, vouched, answer, reason }) => [
        moment(at),
        verb,
        actor,
        channel,
        vouched,
        answer,
        reason,
      ]),
    ),
    warnings.length === 0
      ? ''
      : `## Warnings\n\n${warnings.map((line) => `- ${escapeMarkdown(line, 500)}`).join('\n')}`,
    `Written on ${moment(writtenAt)} by hotwave, from the records of Temporal.`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function failureTable(title: string, failures: readonly ServerFailure[]): string {
  return table(
    title,
    ['Server', 'Class', 'Reason'],
    failures.map(({ server, class: kind, reason }) => [server, kind, reason]),
  );
}

function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const shown = rows.slice(0, MOST_ROWS).map((cells) => line(cells.map((cell) => escapeMarkdown(cell, 300))));
  const more = rows.length > MOST_ROWS ? [`\n${rows.length - MOST_ROWS} more are not shown.`] : [];
  return [`## ${title}\n`, line(head), line(head.map(() => '---')), ...shown, ...more].join('\n');
}
