import type { MonitorCounts, MonitorState } from '../../release/monitor/monitor.ts';
import { eventText, monitorWhy, stopMonitorCommand } from '../../release/narrate/narrate-monitor.ts';
import { unreadableText } from '../../release/narrate/unreadable.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { clockTime } from './release.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import type { View } from './view.ts';

const SHOWN = 20;
const PROBLEM_COLUMNS: readonly Column[] = [
  { title: 'SERVER' },
  { title: 'MISMATCH' },
  { title: 'FOR', align: 'right' },
  { title: 'RELOADS', align: 'right' },
  { title: 'REASON', flexible: true },
  { title: 'AFTER', flexible: true },
];

/** The state of a monitor: what is wrong, and what it has seen and done; the newest last. */
export function renderMonitor(state: MonitorState, now: number, view: View): string {
  const { columns, colours } = view;
  const colour = state.problems.length > 0 ? colours.yellow : colours.green;
  const { set, release, image, events } = state;
  const sections = [
    [
      ...wrapped(monitorWhy(state, now), columns).map((line) => colour(line)),
      fitted(`${set.namespace}/${set.name} after release ${release} (${image})`, columns),
      ...wrapped(countsText(state.counts), columns),
      ...(state.unreadable === undefined ? [] : [unreadableText(state)]),
    ],
    problemTable(state, now, view),
    events.slice(-SHOWN).map((event) => fitted(`${clockTime(event.at)}  ${eventText(event)}`, columns)),
    state.phase === 'ended' ? [] : [`  ${stopMonitorCommand(state)}`],
  ];
  return sections
    .filter((section) => section.length > 0)
    .map((section) => section.join('\n'))
    .join('\n\n');
}

function problemTable({ problems }: MonitorState, now: number, view: View): string[] {
  if (problems.length === 0) return [];
  const rows = problems.map(({ server, mismatch, reason, since, reloads, cause }) => [
    server,
    mismatch === '' ? 'to be looked at' : mismatch,
    formatDuration(Math.max(0, now - since)),
    String(reloads),
    reason,
    cause,
  ]);
  return renderTable(PROBLEM_COLUMNS, rows, view);
}

const NAMES: Readonly<Record<keyof MonitorCounts, string>> = {
  crashed: 'crashes of the sidecar',
  restarted: 'restarts of main containers',
  recreated: 'recreated pods',
  appeared: 'new servers',
  gone: 'servers gone',
  notProved: 'engines that had lost the version',
  edited: 'edits by others',
  proved: 'proved by themselves',
  repaired: 'repaired',
  reloads: 'reloads',
};

function countsText(counts: MonitorCounts): string {
  const seen = (Object.keys(NAMES) as (keyof MonitorCounts)[]).filter((kind) => counts[kind] > 0);
  return seen.length === 0 ? 'has seen nothing yet' : seen.map((kind) => `${NAMES[kind]}: ${counts[kind]}`).join(' · ');
}
