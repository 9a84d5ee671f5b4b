import { expect, test } from 'vitest';
import { cardOf } from '../../release/notices/card.ts';
import { NOTICE_KINDS } from '../../release/notices/notice.ts';
import type { Notice } from '../../release/notices/notice.ts';
import { setEventOf } from '../../release/notices/set-event.ts';
import { NOW, aReleaseState } from '../client/support.ts';

const RUN = '0199c1f0-5f4e-7c39-a5a5-0c6c5a1e2d3f';

function aNotice(change: Partial<Notice> = {}, set = 'duel'): Notice {
  const state = aReleaseState({ set: { namespace: 'arena', name: set } });
  const release = cardOf(state, { workflowId: 'w', runId: RUN, temporalNamespace: 'default' });
  const text = 'scripts-2-0 on arena/duel waits at the gate before wave 2';
  return { v: 1, id: `${RUN}.7`, sequence: 7, kind: 'gate-opened', at: NOW, text, release, ...change };
}

test('a notice is an Event on its set, and the same notice is the same Event', () => {
  expect(setEventOf(aNotice())).toEqual({
    name: `duel.hotwave.${RUN}.7`,
    set: { namespace: 'arena', name: 'duel' },
    type: 'Normal',
    reason: 'HotwaveGateOpened',
    message: 'scripts-2-0 on arena/duel waits at the gate before wave 2',
    at: NOW,
  });
});

test('what somebody has to look at is a Warning, and each kind has a reason of its own', () => {
  const events = NOTICE_KINDS.map((kind) => setEventOf(aNotice({ kind })));
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
    'Normal HotwaveStarted',
    'Normal HotwaveGateOpened',
    'Normal HotwaveReminder',
    'Normal HotwaveVote',
    'Normal HotwaveGateDecided',
    'Warning HotwaveFailing',
    'Warning HotwavePaused',
    'Normal HotwaveFrozen',
    'Warning HotwaveHalted',
    'Normal HotwaveResumed',
    'Warning HotwaveRollingBack',
    'Warning HotwaveRolledBack',
    'Normal HotwaveDone',
    'Warning HotwaveFailed',
    'Normal HotwaveCancelled',
    'Warning HotwaveRefused',
    'Warning HotwaveMismatch',
  ]);
});

test.each([
  ['x'.repeat(253), `${'x'.repeat(253 - `.hotwave.${RUN}.7`.length)}.hotwave.${RUN}.7`],
  [`${'x'.repeat(204)}-.${'y'.repeat(40)}`, `${'x'.repeat(204)}.hotwave.${RUN}.7`],
])('the name is one that Kubernetes takes, however long that of the set is', (set, expected) => {
  const { name } = setEventOf(aNotice({}, set));
  expect(name).toBe(expected);
  expect(name.length).toBeLessThanOrEqual(253);
  expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
});

test('a message is one plain line of 1,024 bytes at most, without halves of characters', () => {
  expect(setEventOf(aNotice({ text: 'a\u001b[31m red\nline' })).message).toBe('a red line');
  const { message } = setEventOf(aNotice({ text: `ab${'服'.repeat(400)}` }));
  // Three bytes each: 341 would need one byte more than there is.
  expect(message).toBe(`ab${'服'.repeat(340)}`);
  expect(Buffer.byteLength(message)).toBe(1_022);
  expect(setEventOf(aNotice({ text: '🎮'.repeat(257) })).message).toBe('🎮'.repeat(256));
});
