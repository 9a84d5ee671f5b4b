import { describe, expect, test } from 'vitest';
import type { Fence } from '../../release/patches/fence.ts';
import { FENCE_ANNOTATION, fenced } from '../../release/patches/fence.ts';
import type { GuardedPatch, PatchOutcome } from '../../release/patches/patches.ts';
import { explainRefusal, jsonPatchBody, valueAt } from '../../release/patches/patches.ts';
import { withReleaseRecord } from '../../release/patches/record-patches.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import type { Operation } from '../support/json-patch.ts';
import { DoesNotApply, applyJsonPatch } from '../support/json-patch.ts';

/** A set with as much of it as a fence sees. */
interface Document {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly replicas: number };
}

const set = (annotations?: Readonly<Record<string, string>>): Document => ({
  metadata: annotations ? { annotations } : {},
  spec: { replicas: 1 },
});
const marked = (mark: string): Document => set({ [FENCE_ANNOTATION]: mark, theirs: 'stays' });
const markOf = ({ metadata }: Document): string | undefined => metadata.annotations?.[FENCE_ANNOTATION];
const own = (from: number, to = from): Fence => ({ token: 'run', from, to });

function scaled(replicas: number): GuardedPatch {
  return { preconditions: [], changes: [{ op: 'replace', path: '/spec/replicas', value: replicas }] };
}

/** One write by the rules of the API server. `read` is what its writer has read; by default what is there. */
function write(
  live: Document,
  fence: Fence,
  {
    planned = null,
    read = live,
    patch = scaled(5),
  }: { planned?: string | null; read?: Document; patch?: GuardedPatch } = {},
): { readonly outcome: PatchOutcome['kind'] | 'refused'; readonly after: Document; readonly why?: string } {
  const behind = fenced(patch, read.metadata, fence, { planned, name: 'duel' });
  if ('refused' in behind) return { outcome: 'refused', after: live, why: behind.refused };
  try {
    return { outcome: 'applied', after: applyJsonPatch(live, jsonPatchBody(behind) as Operation[]) };
  } catch (error) {
    if (!(error instanceof DoesNotApply)) throw error;
    return { outcome: explainRefusal(live, behind)?.kind ?? 'denied', after: live };
  }
}

describe('a write behind the fence', () => {
  test.each([
    ['the first one of a release, on a set that hotwave has never written', set(), own(0), 'run/1'],
    ['the first one, on a set with annotations of others', set({ theirs: 'stays' }), own(0), 'run/1'],
    ['the next one', marked('run/3'), own(3), 'run/4'],
    ['one after a write that may or may not be there, and is not', marked('run/3'), own(3, 4), 'run/5'],
    ['one after a write that may or may not be there, and is', marked('run/4'), own(3, 4), 'run/5'],
    ['one after somebody has taken the annotations away', set(), own(3), 'run/4'],
    ['one after somebody has put an older copy of the set back', marked('run/2'), own(3), 'run/4'],
  ])('is made: %s', (_what, live, fence, mark) => {
    const { outcome, after } = write(live, fence);
    expect(outcome).toBe('applied');
    expect(after.spec.replicas).toBe(5);
    expect(markOf(after)).toBe(mark);
    expect(after.metadata.annotations?.['theirs']).toBe(live.metadata.annotations?.['theirs']);
  });

  test('takes the lock of the set: the first one needs the mark that the plan has seen', () => {
    expect(write(marked('other/7'), own(0), { planned: 'other/7' }).outcome).toBe('applied');
    expect(write(marked('other/8'), own(0), { planned: 'other/7' }).outcome).toBe('refused');
    expect(write(marked('other/1'), own(0), { planned: null }).outcome).toBe('refused');
  });

  test.each([
    ['another release has written since', marked('other/1'), own(3)],
    ['another attempt of the same release has written since', marked('run/5'), own(3)],
    ['what is there is nothing that hotwave has written', marked('???'), own(3)],
  ])('is refused when %s', (_what, live, fence) => {
    const { outcome, after } = write(live, fence);
    expect(outcome).toBe('refused');
    expect(after).toBe(live);
  });

  test('names the release and the workflow that have the set', () => {
    const holder = { temporal: '', namespace: 'default', workflowId: 'hotwave/eu/arena/duel', runId: 'r' };
    const record: ReleaseRecord = {
      v: 1,
      release: 'scripts-3',
      strategy: 'rolling',
      container: 'scripts',
      oldImage: 'a:1',
      newImage: 'a:2',
      oldVersion: '1',
      newVersion: '2',
      updateStrategy: {},
      startedAt: 0,
      how: { noAsk: 'not said' },
      holder,
    };
    const taken = write(set(), { token: 'other', from: 0, to: 0 }, { patch: withReleaseRecord(scaled(2), {}, record) });
    expect(write(taken.after, own(3)).why).toBe(
      'release scripts-3 (workflow hotwave/eu/arena/duel) has written duel since this release looked at it: this one writes nothing',
    );
  });

  test('that comes late, after another one has read the same set, is refused by the API server', () => {
    const live = marked('run/3');
    const first = write(live, own(3), { patch: scaled(7) });
    expect(write(first.after, own(3), { read: live }).outcome).toBe('preconditionFailed');
    const elsewhere = write(live, { token: 'other', from: 0, to: 0 }, { planned: 'run/3' });
    expect(write(elsewhere.after, own(3), { read: live }).outcome).toBe('preconditionFailed');
  });

  test.each([
    ['', marked('run/3')],
    [' on a set without annotations', set()],
  ])('whose answer was lost finds its values there%s, read again or not', (_where, live) => {
    const first = write(live, own(3));
    expect(write(first.after, own(3), { read: live }).outcome).toBe('alreadyApplied');
    expect(write(first.after, own(3)).outcome).toBe('alreadyApplied');
  });

  test('is not taken for done when another one of the same number has other values', () => {
    const first = write(marked('run/3'), own(3), { patch: scaled(7) });
    expect(write(first.after, own(3)).outcome).toBe('preconditionFailed');
    expect(valueAt(first.after, '/spec/replicas')).toBe(7);
  });
});
