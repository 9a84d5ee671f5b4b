import { formatDuration } from '../../release/spec/quantity.ts';
import type { ListedRelease } from '../temporal/list-releases.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import { isNarrow } from './view.ts';
import type { View } from './view.ts';

const COLUMNS: readonly Column[] = [
  { title: 'SET', flexible: true },
  { title: 'RELEASE', flexible: true },
  { title: 'PHASE' },
  { title: 'WAVE', align: 'right' },
  { title: 'REQUESTER', flexible: true },
  { title: 'STARTED', align: 'right' },
];

const WIDE_COLUMNS: readonly Column[] = [
  ...COLUMNS,
  { title: 'TOOK', align: 'right' },
  { title: 'CLUSTER' },
  { title: 'WORKFLOW' },
  { title: 'RUN' },
];

/** Releases, newest first. */
export function renderList(releases: readonly ListedRelease[], now: number, view: View): string {
  if (releases.length === 0) return 'no releases';
  if (isNarrow(view)) return releases.flatMap((release) => narrowLines(release, now, view)).join('\n');
  const rows = releases.map((release) => [
    release.set,
    release.release,
    release.phase,
    release.wave > 0 ? String(release.wave) : '',
    release.requester,
    `${formatDuration(Math.max(0, now - release.startedAt))} ago`,
    ...(view.wide ? wideCells(release, now) : []),
  ]);
  return renderTable(view.wide ? WIDE_COLUMNS : COLUMNS, rows, view).join('\n');
}

/** On a narrow terminal a set has a line of its own: cut names would all look alike. */
function narrowLines({ set, release, phase, wave, startedAt }: ListedRelease, now: number, view: View): string[] {
  const ago = formatDuration(Math.max(0, now - startedAt));
  const where = wave > 0 ? `${phase}, wave ${wave}` : phase;
  return [
    fitted(set, view.columns),
    ...wrapped(`${release} · ${where} · ${ago} ago`, view.columns - 2).map((line) => `  ${line}`),
  ];
}

function wideCells({ startedAt, endedAt, cluster, workflowId, runId }: ListedRelease, now: number): string[] {
  return [formatDuration(Math.max(0, (endedAt ?? now) - startedAt)), cluster, workflowId, runId];
}
