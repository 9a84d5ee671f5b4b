import type { AuditRow } from '../../release/audit/audit.ts';
import { shortImage } from '../../release/audit/audit.ts';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { wrapped } from './text-width.ts';
import type { View } from './view.ts';

/** The versions of all servers: first the sentence that most people want, then a row for each server. */
export function renderVersions(audit: Audit, now: number, view: View): string {
  const { colours, columns } = view;
  const colour = audit.verified ? colours.green : colours.yellow;
  return [
    ...wrapped(audit.summary, columns).map((line) => colour(line)),
    ...wrapped(measuredBy(audit, now), columns),
    ...audit.notes.flatMap((note) => wrapped(`note: ${note}`, columns).map((line) => colours.yellow(line))),
    '',
    ...renderTable(view.wide ? WIDE_COLUMNS : COLUMNS, audit.rows.map(rowOf(audit, now, view)), view),
  ].join('\n');
}

/** Against what the servers are measured, and who says so. */
function measuredBy({ expectedVersion, templateImage }: Audit, now: number): string {
  const { source, release, outcome, version, finishedAt } = expectedVersion;
  const ended = finishedAt > 0 ? `, ${outcome} ${ago(finishedAt, now)} ago` : '';
  const template = templateImage === '' ? '' : `; the template asks for ${templateImage}`;
  return `measured by the ${source} ${release}${ended}: ${version}${template}`;
}

const COLUMNS: readonly Column[] = [
  { title: 'SERVER' },
  { title: 'LOADED' },
  { title: 'FILES' },
  { title: 'IMAGE' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'MISMATCH', flexible: true },
];

const WIDE_COLUMNS: readonly Column[] = [
  ...COLUMNS,
  { title: 'WANTED' },
  { title: 'TEMPLATE' },
  { title: 'SPEC' },
  { title: 'RUNNING' },
  { title: 'IMAGE ID' },
  { title: 'OVERRIDE' },
  { title: 'LAST RELEASE' },
  { title: 'MAIN RESTARTS', align: 'right' },
  { title: 'POD' },
];

function rowOf(audit: Audit, now: number, view: View): (row: AuditRow) => string[] {
  const { templateImage, expectedVersion } = audit;
  return (row) => {
    const mismatch = [row.mismatch, row.reason].filter((part) => part !== '').join(': ');
    return [
      row.server,
      row.proves ? row.loaded : view.colours.red(row.loaded === '' ? '?' : row.loaded),
      row.files === '' ? '?' : row.files,
      shortImage(row.image),
      String(row.restarts),
      row.createdAt > 0 ? ago(row.createdAt, now) : '',
      row.mismatch === '' ? '' : view.colours.yellow(mismatch),
      ...(view.wide
        ? [
            ...[row.wanted, templateImage, row.image, row.runningImage, row.imageId, row.override],
            ...[expectedVersion.release, String(row.mainRestarts), row.uid],
          ]
        : []),
    ];
  };
}

function ago(since: number, now: number): string {
  return formatDuration(Math.max(0, now - since));
}
