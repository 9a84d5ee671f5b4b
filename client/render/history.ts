import type { DecisionRecord, ReleaseState } from '../../release/progress/state.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import { isNarrow } from './view.ts';
import type { View } from './view.ts';

/** A release or a rollback of a set, and what came of it. */
export interface PastRelease {
  readonly release: string;
  readonly requester: string;
  /** The key that vouches for the requester's name; absent when it is only claimed. */
  readonly requesterVouchedBy?: string | undefined;
  /** How it ended, or the phase that it is in. */
  readonly outcome: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly endedAt?: number | undefined;
  readonly workflowId: string;
  readonly runId: string;
  /** False when nobody could tell more than what is above: the fields below are then empty. */
  readonly isTold: boolean;
  readonly version?: string;
  readonly previousVersion?: string;
  readonly image?: string;
  readonly servers?: number;
  readonly waves?: number;
  readonly reason?: string;
  readonly failures: ReleaseState['failures'];
  readonly decisions: readonly DecisionRecord[];
}

const COLUMNS: readonly Column[] = [
  { title: 'STARTED' },
  { title: 'RELEASE', flexible: true },
  { title: 'VERSION', flexible: true },
  { title: 'OUTCOME' },
  { title: 'BY', flexible: true },
  { title: 'DECIDED', flexible: true },
  { title: 'TOOK', align: 'right' },
];

const WIDE_COLUMNS: readonly Column[] = [
  ...COLUMNS,
  { title: 'SERVERS', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'REASON' },
  { title: 'RUN' },
];

/** The releases of a set, newest first. */
export function renderHistory(releases: readonly PastRelease[], now: number, view: View): string {
  if (releases.length === 0) return 'no releases';
  if (isNarrow(view)) return releases.flatMap((past) => narrowLines(past, now, view)).join('\n');
  const rows = releases.map((past) => [...cells(past, now), ...(view.wide ? wideCells(past) : [])]);
  return renderTable(view.wide ? WIDE_COLUMNS : COLUMNS, rows, view).join('\n');
}

function cells(past: PastRelease, now: number): string[] {
  const { release, previousVersion = '', version = '', outcome, requester, decisions, startedAt, endedAt } = past;
  return [
    minuteOf(startedAt),
    release,
    previousVersion === '' ? version : `${previousVersion} → ${version}`,
    outcome,
    requester,
    decisions
      .filter(({ accepted }) => accepted)
      .map(({ verb, actor }) => `${actor} ${verb}`)
      .join(', '),
    formatDuration(Math.max(0, (endedAt ?? now) - startedAt)),
  ];
}

function narrowLines(past: PastRelease, now: number, { columns }: View): string[] {
  const [started = '', release = '', version = '', outcome = '', by = '', decided = '', took = ''] = cells(past, now);
  const decisions = decided === '' ? '' : `; ${decided}`;
  return [
    fitted(`${started}  ${outcome}`, columns),
    ...wrapped(`${release}: ${version}, by ${by}, took ${took}${decisions}`, columns - 2).map((line) => `  ${line}`),
  ];
}

function wideCells({ servers, failures, reason = '', runId }: PastRelease): string[] {
  return [servers === undefined ? '' : String(servers), String(failures.length), reason, runId];
}

/** `2026-01-02 12:03`, where the person is. */
function minuteOf(milliseconds: number): string {
  const [date = '', time = ''] = new Date(milliseconds).toLocaleString('sv-SE').split(' ');
  return `${date} ${time.slice(0, 5)}`;
}
