import { counted } from '../spec/counted.ts';
import { describeMixed, mixedBudgetOf } from '../decisions/max-mixed.ts';
import { groupsOf } from '../decisions/gate-votes.ts';
import { withDecision } from '../decisions/decision.ts';
import { formatDuration } from '../spec/quantity.ts';
import { turnedBack } from './apply-back.ts';
import { knowing, pausedFor, showing, withRow, withShownWave } from './changes.ts';
import type { Appliers, Event } from './events.ts';
import { skippedServers } from './groups.ts';
import type { Release } from './table.ts';
import { rowOf } from './table.ts';
import { NEW_SERVERS_WAVE, withObservations } from './state.ts';

/** Gates, freeze windows, the time in two versions, and the waves between them. */
export const gateAppliers = {
  gateOpened: (release, event, now) => gateOpened(release, event.wave, now),
  gatePassed: (release, event) => gatePassed(release, event.wave),
  gateRejected: (release, _event, now) => gateRejected(release, now),
  gateTimedOut: (release, _event, now) => gateTimedOut(release, now),
  reminded: (release, _event, now) => reminded(release, now),
  promoted: (release, event, now) => promoted(release, event.servers, now),
  promotionEnded: (release, event) => promotionEnded(release, event.reason),
  calendarOpen: (release, event) =>
    showing(knowing(release, { calendarPassed: event.wave, frozen: undefined }), { freeze: undefined }),
  calendarFrozen: (release, event, now) => calendarFrozen(release, event, now),
  windowOverridden: (release) => windowOverridden(release),
  overMixed: (release, _event, now) => overMixed(release, now),
  waveBegun: (release, event, now) => waveBegun(release, event.wave, now),
  waveEnded: (release, event, now) => waveEnded(release, event.wave, now),
} satisfies Partial<Appliers>;

function gateOpened(release: Release, wave: number, now: number): Release {
  const spec = release.spec.gates.find(({ before }) => before === wave);
  if (!spec) return release;
  const groups = groupsOf(spec.groups, release.spec.approvers);
  const gate = { wave, spec, groups, openedAt: now, approvedBy: [] };
  return showing(knowing(release, { remindAt: nextReminder(spec, now), promotion: undefined }), { gate, wave });
}

function nextReminder({ remindEvery }: { readonly remindEvery?: number | undefined }, now: number): number | undefined {
  return remindEvery === undefined ? undefined : now + remindEvery;
}

function gatePassed(release: Release, wave: number): Release {
  const { progress } = release;
  const passedGates = [...progress.passedGates, wave];
  // It may have stood for hours: nobody more moves before the servers so far are known to be as they were.
  const mustLook = progress.mustLook || wave > 1;
  return showing(knowing(release, { passedGates, mustLook, remindAt: undefined, promotion: undefined }), {
    gate: undefined,
  });
}

/** A rejection is treated as the release's failure policy says: back, or standing still until a person resumes. */
function gateRejected(release: Release, now: number): Release {
  const { gate } = release.state;
  if (!gate?.rejected) return release;
  const reason = `${gate.rejected.actor} rejected wave ${gate.wave}: ${gate.rejected.reason}`;
  if (release.spec.onFailure.then === 'rollback') return turnedBack(release, { reason });
  const { rejected: _heard, ...open } = gate;
  return pausedFor(showing(release, { gate: { ...open, approvedBy: [] } }), reason, now);
}

function gateTimedOut(release: Release, now: number): Release {
  const { gate } = release.state;
  if (!gate) return release;
  const { onTimeout, timeout } = gate.spec;
  if (onTimeout === 'proceed') return gatePassed(release, gate.wave);
  const reason = `nobody decided at the gate within ${formatDuration(timeout)}`;
  return onTimeout === 'rollback' ? turnedBack(release, { reason }) : pausedFor(release, reason, now);
}

function reminded(release: Release, now: number): Release {
  const { gate } = release.state;
  if (!gate) return release;
  const next = knowing(release, { remindAt: nextReminder(gate.spec, now) });
  return showing(next, { gate: { ...gate, reminders: (gate.reminders ?? 0) + 1 } });
}

/** The gate opens by itself; the record of decisions says so. */
function promoted(release: Release, servers: number, now: number): Release {
  const { state } = release;
  const { gate } = state;
  if (!gate) return release;
  const time = formatDuration(gate.spec.promoteAfter ?? 0);
  const record = {
    id: `auto-${gate.wave}-${gate.openedAt}`,
    verb: 'approve',
    release: state.release,
    plan: state.planHash,
    wave: gate.wave,
    actor: 'hotwave',
    channel: 'auto',
    reason: `good health of ${counted(servers, 'server')} of the waves so far for ${time}`,
    at: now,
    accepted: true,
    answer: `approved: wave ${gate.wave} starts`,
  } as const;
  return gatePassed(showing(release, { decisions: withDecision(state.decisions, record) }), gate.wave);
}

function promotionEnded(release: Release, reason: string): Release {
  const warning = `the gate before wave ${release.state.gate?.wave ?? ''} waits for people only: ${reason}`;
  return knowing({ ...release, state: withObservations(release.state, [warning]) }, { promotion: 'over' });
}

/** The calendar may be changed while a release waits for it, so it is asked again after an hour at the latest. */
const LOOK_AGAIN_MS = 3_600_000;
/** Clocks differ: a window that is over here may not be over for the worker that looks. */
const SHORTEST_WAIT_MS = 1_000;

function calendarFrozen(
  release: Release,
  { window, keys, until, ends }: Extract<Event, { kind: 'calendarFrozen' }>,
  now: number,
): Release {
  const next = Math.min(now + LOOK_AGAIN_MS, Math.max(now + SHORTEST_WAIT_MS, until));
  const known = knowing(release, { frozen: { keys, until: next, ends } });
  // Somebody may have overridden it while the calendar was looked at again.
  return release.state.freeze?.overridden === undefined ? showing(known, { freeze: { window, until } }) : known;
}

/** A reason that has been overridden once is not asked about again. */
function windowOverridden(release: Release): Release {
  const { frozen, overriddenWindows } = release.progress;
  const windows = [...new Set([...overriddenWindows, ...(frozen?.keys ?? [])])];
  return showing(knowing(release, { overriddenWindows: windows, frozen: undefined }), { freeze: undefined });
}

/** Servers have been of two versions for too long: somebody has to decide, or the release goes back. */
function overMixed(release: Release, now: number): Release {
  const budget = mixedBudgetOf(release.spec);
  if (!budget) return showing(release, { mixedUntil: undefined });
  const sentence = describeMixed(budget);
  const { pausedBecause, foreignEdit } = release.state;
  // That is no failure of the version. A value of somebody else is written over only when a person says so.
  if (budget.then === 'rollback' && !foreignEdit) return turnedBack(release, { reason: sentence });
  if (pausedBecause === undefined) return pausedFor(release, sentence, now);
  return showing(release, { pausedBecause: `${pausedBecause}; ${sentence}` });
}

function waveBegun(release: Release, wave: number, now: number): Release {
  const { state, spec } = release;
  const limit = spec.maxMixed === undefined ? undefined : now + spec.maxMixed;
  const shown = withShownWave(release, wave, { status: 'running', startedAt: now });
  return showing(knowing(shown, { admission: undefined }), { wave, mixedUntil: state.mixedUntil ?? limit });
}

function waveEnded(release: Release, number: number, now: number): Release {
  const { plan, state } = release;
  const servers = plan.waves.find((wave) => wave.number === number)?.servers ?? [];
  const isBack = servers.length > 0 && servers.every(({ name }) => rowOf(release, name).excluded === 'reverted');
  const isSkipped = state.skippedWaves?.includes(number) === true;
  const whole = isBack ? 'rolled-back' : 'done';
  const status = isSkipped && plan.strategy !== 'newServersOnly' ? 'skipped' : whole;
  const ended = withShownWave(release, number, { status, endedAt: now });
  const next = knowing(ended, { admission: undefined });
  return number === NEW_SERVERS_WAVE && plan.strategy === 'newServersOnly' ? next : withoutSkippedFailures(next);
}

/** A skipped server has not failed. */
function withoutSkippedFailures(release: Release): Release {
  const skipped = skippedServers(release);
  const failed = [...release.progress.rows].filter(([name, { failed }]) => failed !== undefined && skipped.has(name));
  return withRow(
    release,
    failed.map(([name]) => name),
    ({ failed: _failed, ...row }) => row,
  );
}
