import type { AuditRow } from '../../release/audit/audit.ts';
import { shortImage } from '../../release/audit/audit.ts';
import type { AuditGroup } from '../../release/audit/audit-groups.ts';
import { auditGroups } from '../../release/audit/audit-groups.ts';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import { ordinalOf } from '../../release/fleet/identity.ts';
import { compactRanges, isInRanges, numbersIn } from '../../release/fleet/ranges.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { wrapped } from './text-width.ts';
import { isNarrow } from './view.ts';
import type { View } from './view.ts';

/** A wave of a running release that has not begun: its servers run what they should. */
export interface WaveToCome {
  readonly wave: number;
  /** The ordinals of its servers as compact ranges. */
  readonly servers: string;
}

/** The audit of a set, and which of its servers a running release has still to come to. */
export interface SeenAudit extends Audit {
  readonly toCome?: readonly WaveToCome[];
}

/**
 * The versions of all servers: first the sentence that most people want, then the servers by what they say, then those with
 * which something is wrong. A row for each server when wide.
 */
export function renderVersions(audit: SeenAudit, now: number, view: View): string {
  const { colours, columns } = view;
  const colour = audit.verified ? colours.green : colours.yellow;
  return [
    ...wrapped(audit.summary, columns).map((line) => colour(line)),
    ...wrapped(measuredBy(audit, now), columns),
    ...audit.notes.flatMap((note) => wrapped(`note: ${note}`, columns).map((line) => colours.yellow(line))),
    '',
    ...(view.wide ? serverTable(audit, now, view) : [...groupTable(audit, view), ...wrongTable(audit, view)]),
  ].join('\n');
}

/** Against what the servers are measured, and who says so. */
function measuredBy({ expectedVersion, templateImage }: Audit, now: number): string {
  const { source, release, outcome, version, finishedAt } = expectedVersion;
  const ended = finishedAt > 0 ? `, ${outcome} ${ago(finishedAt, now)} ago` : '';
  const template = templateImage === '' ? '' : `; the template asks for ${templateImage}`;
  return `measured by the ${source} ${release}${ended}: ${version}${template}`;
}

const GROUP_COLUMNS: readonly Column[] = [
  { title: 'COUNT', align: 'right' },
  { title: 'LOADED', flexible: true },
  { title: 'FILES', flexible: true },
  { title: 'IMAGE', flexible: true },
  { title: 'STATE', flexible: true },
  { title: 'SERVERS', flexible: true },
];

/** Servers that say the same, a line each; those whose wave is still to come apart from those that are wrong. */
function groupTable(audit: SeenAudit, view: View): string[] {
  const groups = audit.groups ?? auditGroups(audit.rows);
  const rows = groups.flatMap((group) => byWave(group, audit.toCome ?? [])).map((part) => groupRow(part, view));
  if (!isNarrow(view)) return renderTable(GROUP_COLUMNS, rows, view);
  return renderTable(
    GROUP_COLUMNS.filter(isOnNarrow),
    rows.map((row) => row.filter(isOnNarrow)),
    view,
  );
}

/** On a narrow terminal files and images are left out. */
function isOnNarrow(_cell: unknown, index: number): boolean {
  return index !== 2 && index !== 3;
}

interface Part {
  readonly group: AuditGroup;
  readonly ordinals: readonly number[];
  /** The first wave that they are in; absent when their turn has come. */
  readonly wave?: number;
}

/** Only what does not prove its version yet can have its wave before it. */
function byWave(group: AuditGroup, toCome: readonly WaveToCome[]): Part[] {
  const ordinals = numbersIn(group.servers);
  if (group.proves || toCome.length === 0) return [{ group, ordinals }];
  const waveOf = new Map(toCome.flatMap(({ wave, servers }) => numbersIn(servers).map((ordinal) => [ordinal, wave])));
  const waves = [...new Set(ordinals.map((ordinal) => waveOf.get(ordinal)))].toSorted((a = 0, b = 0) => a - b);
  return waves.map((wave) => {
    const part = ordinals.filter((ordinal) => waveOf.get(ordinal) === wave);
    return { group, ordinals: part, ...(wave === undefined ? {} : { wave }) };
  });
}

function groupRow({ group, ordinals, wave }: Part, { colours }: View): string[] {
  const { loaded, files, image, proves, mismatch } = group;
  const isRight = proves && mismatch === '';
  const version = loaded === '' ? '?' : loaded;
  const state = isRight ? 'proves it' : wave === undefined ? mismatch || 'not proved' : `wave ${wave} is to come`;
  const colour = isRight ? colours.green : wave === undefined ? colours.red : colours.dim;
  return [
    String(ordinals.length),
    colour(version),
    files === '' ? '?' : files,
    shortImage(image),
    colour(state),
    compactRanges(ordinals),
  ];
}

const NAMED = 20;
const WRONG_COLUMNS: readonly Column[] = [
  { title: 'SERVER', flexible: true },
  { title: 'RESTARTS', align: 'right' },
  { title: 'WRONG', flexible: true },
];

/** Servers with which something is wrong, by name and with the reason. */
function wrongTable(audit: SeenAudit, view: View): string[] {
  const wrong = audit.rows.filter(
    (row) => (row.mismatch !== '' || !row.proves) && waveToCome(audit, row) === undefined,
  );
  if (wrong.length === 0) return [];
  const rows = wrong
    .slice(0, NAMED)
    .map((row) => [row.server, String(row.restarts), view.colours.yellow(whatIsWrong(row))]);
  const more = wrong.length > NAMED ? [view.colours.dim(`and ${wrong.length - NAMED} more: -o wide shows them`)] : [];
  return ['', ...renderTable(WRONG_COLUMNS, rows, view), ...more];
}

function whatIsWrong({ mismatch, reason }: AuditRow): string {
  return [mismatch, reason].filter((part) => part !== '').join(': ');
}

function waveToCome({ toCome = [] }: SeenAudit, { server, proves }: AuditRow): number | undefined {
  return proves ? undefined : toCome.find(({ servers }) => isInRanges(servers, ordinalOf(server)))?.wave;
}

const WIDE_COLUMNS: readonly Column[] = [
  { title: 'SERVER' },
  { title: 'LOADED' },
  { title: 'FILES' },
  { title: 'WANTED' },
  { title: 'STATE', flexible: true },
  { title: 'AGE', align: 'right' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'MAIN', align: 'right' },
  { title: 'SPEC', flexible: true },
  { title: 'RUNNING', flexible: true },
  { title: 'IMAGE ID', flexible: true },
  { title: 'OVERRIDE', flexible: true },
  { title: 'POD', flexible: true },
];

function serverTable(audit: SeenAudit, now: number, view: View): string[] {
  return renderTable(WIDE_COLUMNS, audit.rows.map(serverRow(audit, now, view)), view);
}

function serverRow(audit: SeenAudit, now: number, { colours }: View): (row: AuditRow) => string[] {
  return (row) => {
    const wave = waveToCome(audit, row);
    const wrong = wave === undefined ? colours.red : colours.dim;
    const state = wave === undefined ? whatIsWrong(row) : `wave ${wave} is to come`;
    return [
      row.server,
      row.proves ? row.loaded : wrong(row.loaded === '' ? '?' : row.loaded),
      row.files === '' ? '?' : row.files,
      row.wanted,
      state === '' ? '' : wrong(state),
      row.createdAt > 0 ? ago(row.createdAt, now) : '',
      ...[String(row.restarts), String(row.mainRestarts)],
      ...[row.image, row.runningImage, row.imageId, row.override, row.uid],
    ];
  };
}

function ago(since: number, now: number): string {
  return formatDuration(Math.max(0, now - since));
}
