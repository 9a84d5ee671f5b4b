import { agreed, counted } from '../../release/spec/counted.ts';
import { condition } from '@temporalio/workflow';
import { failedCount } from '../../release/checks/verdict.ts';
import { packPriorities } from '../../release/plan/packed-plan.ts';
import { waveLabel } from '../../release/narrate/narrate.ts';
import type { UpdateStrategy } from '../../release/fleet/fleet.ts';
import { FROZEN, NEW_SERVERS_ONLY, controlledStrategy, sameJson } from '../../release/patches/patches.ts';
import { missingAtPlan } from '../../release/fleet/newcomers.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { packServers } from '../../release/fleet/server-rows.ts';
import type { SetControls } from '../../release/patches/patches.ts';
import { inheritedStrategy, owedStrategy } from '../../release/patches/record-patches.ts';
import { editedPriorities } from '../../release/patches/foreign-edit.ts';
import { settlePatience } from '../../release/progress/describe-step.ts';
import type { Event } from '../../release/progress/events.ts';
import { holdOverEdit, isHere, laterServers, presentOnes } from '../../release/progress/groups.ts';
import type { Release } from '../../release/progress/table.ts';

import { backRecord, failedVersion, heldRecord, lastRecord, leftRecord, runningRecord } from './records.ts';
import { orSentence } from '../call-failures.ts';
import { reading, writing } from '../calls.ts';
import { subjectOf } from './subject.ts';
import type { Perform, StepContext } from './context.ts';
import { markOf, writtenOf } from './context.ts';

// Steps that write the set. Each tests what it replaces, and may be repeated.

/** The first write. */
export const stage: Perform<'stage'> = async ({ run }) => {
  const { release } = run;
  const { plan } = release;
  const subject = subjectOf(release);
  const record = runningRecord(release);
  switch (plan.strategy) {
    case 'rolling': {
      const { maxUnavailable } = plan;
      const written = await writing('write the new image; no server may move yet').stageTemplate({
        ...subject,
        maxUnavailable,
        record,
      });
      return [{ kind: 'staged', written: writtenOf(written) }];
    }
    case 'newServersOnly':
      return await stageForNewServers(release);
    case 'targeted':
      return await writeRecord(release, { running: record }, { kind: 'recorded' });
  }
};

async function stageForNewServers(release: Release): Promise<readonly Event[]> {
  const { plan } = release;
  const { set, bystanders, baseline } = plan;
  const record = runningRecord(release);
  const written = writtenOf(
    await writing('write the new image, for new servers only').stageForNewServers({ ...subjectOf(release), record }),
  );
  if (written.kind !== 'accepted') return [{ kind: 'staged', written }];
  const { failures } = await reading(`verify that ${counted(bystanders.length, 'server')} stayed`).verifyFleet({
    set,
    container: baseline.container,
    moved: packServers([]),
    outsiders: packServers(bystanders),
  });
  const [first] = failures;
  const staged: Event = { kind: 'staged', written: { ...written, hold: undefined } };
  return first ? [staged, { kind: 'stopped', verdict: 'pause', reason: first.reason }] : [staged];
}

/** Lets servers move. */
export const open: Perform<'open'> = async ({ run }, step) => {
  const { release } = run;
  const { progress, state } = release;
  const { hold, revision } = progress.set;
  if (!hold) return [{ kind: 'stopped', verdict: 'pause', reason: 'the set was not written' }];
  const areNewcomers = step.for === 'newcomers';
  const staying = step.servers.filter((server) => areNewcomers || isHere(release, server));
  const count = step.servers.length;
  const summaries = {
    wave: `${waveLabel(state)} · open for ${counted(count, 'server')}`,
    adopted: `adopt · open for ${counted(count, 'server')}`,
    newcomers: `open for ${counted(count, 'server')} that came meanwhile`,
  };
  const written = await writing(summaries[step.for]).openWave({
    ...subjectOf(release),
    planned: presentOnes(release),
    areNewcomers,
    revision,
    hold,
    servers: staying.map(({ name }) => name),
    later: compactRanges(laterServers(release, step.wave).map(({ ordinal }) => ordinal)),
    followsOrder: progress.order === 'followed',
    missing: missingAtPlan(release.plan),
  });
  const servers = step.servers.map(({ name }) => name);
  return [{ kind: 'opened', for: step.for, wave: step.wave, servers, written: writtenOf(written) }];
};

/** Looks whether somebody else has changed the template. */
export const checkTemplate: Perform<'checkTemplate'> = async ({ run }, { before, wave }) => {
  const { release } = run;
  const { set, baseline, strategy } = release.plan;
  const { hold } = release.progress.set;
  const summaries = {
    wave: `${waveLabel(release.state)} · verify that the template is unchanged`,
    end: `${waveLabel(release.state)} · verify that the template is unchanged`,
    rollback: 'look whether somebody else changed the set',
    overrides: 'roll back · look at the template',
  };
  // Before its first write a rolling release finds the set as planned; after its last one it left its image there.
  const isLeft = release.progress.isPutBack ? { image: baseline.newImage } : {};
  const held = strategy === 'rolling' ? (hold ? { hold } : isLeft) : {};
  const { changed } = await reading(summaries[before]).verifyTemplate({ set, baseline, ...held });
  return [{ kind: 'templateChecked', before, wave, changed }];
};

/** Gives servers priorities for the time of the release, or puts them back. */
export const priorities: Perform<'priorities'> = async ({ run }, { direction, changes }) => {
  const problem = await changePriorities(run.release, direction, changes);
  return problem === undefined
    ? [{ kind: 'prioritiesChanged', direction }]
    : [{ kind: 'stopped', verdict: 'pause', reason: problem }];
};

async function changePriorities(
  { plan, state }: Release,
  direction: 'assign' | 'restore',
  changes: Release['plan']['priorities'],
): Promise<string | undefined> {
  const doing =
    direction === 'assign'
      ? `gives ${counted(changes.length, 'server')} ${agreed(changes.length, 'its', 'their')} priority`
      : `puts the ${agreed(changes.length, 'priority', 'priorities')} of ${counted(changes.length, 'server')} back`;
  const limit = settlePatience(changes.length);
  const token = `${state.release}.${plan.hash.slice(0, 8)}.${direction}`;
  const report = await writing(doing, limit).changePriorities({
    set: plan.set,
    changes: packPriorities(changes),
    direction,
    token,
    deadline: Date.now() + limit,
  });
  return failedCount(report) === 0 ? undefined : (report.failures[0]?.reason ?? doing);
}

/** Pauses and resumes the set, or leaves it standing where it is. */
export const controls: Perform<'controls'> = async ({ run }, { change, why }) => {
  const { release } = run;
  const from = release.progress.set.hold;
  const record = why === 'hold' ? heldRecord(release, Date.now()) : undefined;
  if (!from) {
    if (record) return await holdByRecord(release, record);
    return [];
  }
  const to: SetControls = why === 'hold' ? { ...from, partition: FROZEN, paused: false } : { ...from, ...change };
  const summaries = { pause: 'pause the set', resume: 'resume the set', hold: 'hold every server where it is' };
  const seenImage = release.progress.foreign.seen?.image;
  const seenStrategy = pausedAround(release);
  const written = await writing(summaries[why]).changeControls({
    ...subjectOf(release),
    from,
    to,
    seenImage,
    ...(seenStrategy ? { seenStrategy } : {}),
    record,
  });
  return [{ kind: 'controlsChanged', why, written: writtenOf(written) }];
};

/** The strategy of somebody else to which the set is left, when the release's own pause is still in it. */
function pausedAround({ progress, plan }: Release): UpdateStrategy | undefined {
  const { leaving, foreign, set } = progress;
  const theirs = foreign.seen?.updateStrategy;
  if (leaving?.to !== 'leave' || !set.hold || theirs?.rollingUpdate?.paused !== true) return undefined;
  return sameJson(theirs, controlledStrategy(plan.baseline, set.hold)) ? undefined : theirs;
}

async function holdByRecord(release: Release, record: ReturnType<typeof heldRecord>): Promise<readonly Event[]> {
  const written = await writing('record the release on the set').recordRelease({
    ...subjectOf(release),
    note: { running: record },
  });
  return [...markOf(written), { kind: 'controlsChanged', why: 'hold', written: writtenOf(written) }];
}

async function writeRecord(
  release: Release,
  note: { readonly running: ReturnType<typeof runningRecord> } | { readonly last: ReturnType<typeof lastRecord> },
  then: Event,
): Promise<readonly Event[]> {
  const summary = 'last' in note ? 'record on the set what came of it' : 'record the release on the set';
  const written = await writing(summary).recordRelease({ ...subjectOf(release), note });
  const stopped = ({ reason }: { readonly reason: string }): Event => ({ kind: 'stopped', verdict: 'pause', reason });
  return [...markOf(written), written.kind === 'foreign' ? stopped(written) : then];
}

/** How long a watch that begins anew may take to see the set, in milliseconds. */
const SECOND_LOOK_MS = 5_000;

/**
 * Writes the release's values over an edit that a person has seen. When they could not be written, the person is asked
 * again, about all that the watch then sees: a write that is refused names one field only.
 */
export const reassert: Perform<'reassert'> = async (context) => {
  const { run, watch } = context;
  const { release } = run;
  const { seen, strays } = release.progress.foreign;
  const edited = editedPriorities(release.plan, strays);
  // Its present writes are no edits of others.
  watch.stop();
  const first = seen ? await overwrite(release, seen) : undefined;
  if (first?.kind === 'refused') return await askedAgain(context, first.reason);
  const problem = edited.length > 0 ? await assignAgain(release, edited) : undefined;
  if (problem !== undefined) return await askedAgain(context, problem);
  return [{ kind: 'reasserted', written: first ?? { kind: 'untouched' }, priorities: edited.length > 0 }];
};

async function overwrite(
  release: Release,
  seen: NonNullable<Release['progress']['foreign']['seen']>,
): Promise<ReturnType<typeof writtenOf>> {
  const { baseline, strategy } = release.plan;
  const hold = holdOverEdit(release);
  const held = {
    rolling: () => ({
      image: baseline.newImage,
      ...(hold ? { updateStrategy: controlledStrategy(baseline, hold) } : {}),
    }),
    targeted: () => ({ image: baseline.templateImage }),
    newServersOnly: () => ({ image: baseline.newImage, updateStrategy: NEW_SERVERS_ONLY }),
  }[strategy]();
  return writtenOf(
    await writing('write the values of the release over the edit').reassertSet({
      ...subjectOf(release),
      seen,
      held,
      hold,
    }),
  );
}

async function assignAgain(release: Release, edited: ReturnType<typeof editedPriorities>): Promise<string | undefined> {
  const changes = edited.map(({ name, to, priority }) => ({ name, from: priority, to }));
  return await changePriorities(release, 'assign', changes);
}

async function askedAgain({ run, watch }: StepContext, problem: string): Promise<readonly Event[]> {
  watch.follow();
  const isUndecided = (): boolean => run.state.foreignEdit?.wins === undefined;
  const isAsked = await condition(isUndecided, SECOND_LOOK_MS, { summary: 'another look at the set' });
  return isAsked ? [] : [{ kind: 'reasserted', written: { kind: 'refused', reason: problem }, priorities: false }];
}

/** Puts the person's own updateStrategy back. */
export const putBack: Perform<'putBack'> = async ({ run }, { image }) => {
  run.apply({ kind: 'endBegun' });
  const { release } = run;
  const { hold } = release.progress.set;
  if (!hold) return [{ kind: 'putBack', written: { kind: 'untouched' } }];
  const at = release.progress.endedAt ?? Date.now();
  const last = lastRecord(release, image === release.plan.baseline.newImage ? 'done' : 'rolled-back', { at });
  const written = await writing('put updateStrategy back').restoreSet({
    ...subjectOf(release),
    image,
    hold,
    last,
    ...failedVersion(release, at),
  });
  return [{ kind: 'putBack', written: writtenOf(written) }];
};

/** Records what the release came to, for strategies that leave the set to its owner. */
export const recordEnd: Perform<'recordEnd'> = async ({ run }) => {
  run.apply({ kind: 'endBegun' });
  const { release } = run;
  const { plan, progress } = release;
  const at = progress.endedAt ?? Date.now();
  if (progress.back?.byOverrides === true)
    return await writeRecord(release, { running: backRecord(release, at) }, { kind: 'endRecorded' });
  const putBackLater = plan.strategy === 'targeted' ? inheritedStrategy(plan.baseline) : owedStrategy(plan.baseline);
  const last = lastRecord(release, progress.back ? 'rolled-back' : 'done', { at, putBack: putBackLater });
  return await writeRecord(release, { last, ...failedVersion(release, at) }, { kind: 'endRecorded' });
};

/** Notes on the set that it was left to somebody else's edit. */
export const recordLeft: Perform<'recordLeft'> = async ({ run }) => {
  const { release } = run;
  let marks: readonly Event[] = [];
  const problem = await orSentence(async () => {
    const written = await writing('record the release on the set').recordRelease({
      ...subjectOf(release),
      note: { running: leftRecord(release) },
    });
    marks = markOf(written);
    return written.kind === 'foreign' ? written.reason : undefined;
  });
  return [...marks, { kind: 'leftRecorded', problem }];
};

/** Says on the set what could not be brought back. That it cannot be said is no reason to stop here. */
export const noteStuck: Perform<'noteStuck'> = async ({ run }, { reason }) => {
  const { release } = run;
  const written = await writing('record on the set what could not be brought back').recordStuck({
    ...subjectOf(release),
    record: runningRecord(release),
    reason,
    at: Date.now(),
  });
  return [...markOf(written), { kind: 'stuckNoted', meanwhile: written.meanwhile, writer: written.writer }];
};
