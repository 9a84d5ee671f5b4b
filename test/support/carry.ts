import { expect } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import type { StartedRelease } from './hotwave.ts';

const MOST_QUESTIONS = 12;

/** The release waits for a person. */
export const asks = ({ phase, pausedBecause }: ReleaseState): boolean =>
  (phase === 'paused' && pausedBecause !== undefined) || phase === 'waiting-approval';

/** The release has ended, however. */
export const isOver = ({ endedAt }: ReleaseState): boolean => endedAt !== undefined;

/**
 * A person at the terminal who resumes whatever pauses and approves every gate, until the release ends. Returns why it
 * paused. A release that asks the same over and over again is a dead end, and fails the test.
 */
export async function carriedToItsEnd(release: StartedRelease): Promise<readonly string[]> {
  const reasons: string[] = [];
  let questions = 0;
  for (;;) {
    const state = await release.until('a question or the end', (now) => isOver(now) || asks(now));
    if (isOver(state)) return reasons;
    questions += 1;
    if (questions > MOST_QUESTIONS) expect.fail(`it asks for ever: ${reasons.join('; ')}`);
    const since = state.wait?.since;
    if (state.gate && state.phase === 'waiting-approval')
      await release.decide({ verb: 'approve', wave: state.gate.wave });
    else {
      reasons.push(state.pausedBecause ?? '');
      await release.decide({ verb: 'resume' });
    }
    const hasMoved = (now: ReleaseState): boolean => isOver(now) || !asks(now) || now.wait?.since !== since;
    // A person who sees the same again answers again.
    await release.until('the answer to count', hasMoved, 5_000).catch(() => undefined);
  }
}
