import { expect, test } from 'vitest';
import { holdLine, letLineGo } from '../../activities/halt/halt-releases.ts';
import type { Releases, RunningRelease } from '../../activities/ports/releases.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import type { LineHalt } from '../../release/decisions/halt.ts';
import { releasesText } from '../../release/decisions/halt.ts';
import { applyDecision } from '../../release/decisions/decision.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { initialState } from '../../release/progress/state.ts';
import { inActivity } from '../support/activity-context.ts';

const NOW = Date.now();
const halt: LineHalt = { cluster: 'eu', actor: 'ann', reason: 'fire', since: NOW, until: NOW + 60_000 };
const running = (name: string): RunningRelease => ({ workflowId: `hotwave/eu/arena/${name}` });

const setOf = (workflowId: string): { name: string } => ({ name: workflowId.split('/').at(-1) ?? '' });

/** A Temporal with two good releases between which is one that does not answer, or that takes no more signals. */
class Line implements Releases {
  readonly #states = new Map<string, ReleaseState>();
  readonly #bad: 'silent' | 'full';

  constructor(bad: 'silent' | 'full') {
    this.#bad = bad;
    for (const name of ['a', 'bad', 'c']) {
      const identity = {
        release: `r-${name}`,
        cluster: 'eu',
        set: { namespace: 'arena', name },
        strategy: 'rolling',
        requester: 'bob',
      };
      this.#states.set(name, { ...initialState({ ...identity, image: 'i:2', version: '2' }, NOW), phase: 'updating' });
    }
  }

  running = () => Promise.resolve(['a', 'bad', 'c'].map(running));

  state: Releases['state'] = ({ workflowId }) => {
    const { name } = setOf(workflowId);
    return Promise.resolve(this.#bad === 'silent' && name === 'bad' ? 'silent' : (this.#states.get(name) ?? 'ended'));
  };

  decide: Releases['decide'] = ({ workflowId }, decision) => {
    const { name } = setOf(workflowId);
    if (name === 'bad') return Promise.reject(new Error('it has 10,000 signals already'));
    const { state } = applyDecision(this.#states.get(name)!, decision, Date.now());
    this.#states.set(name, { ...state, phase: state.halt ? 'halted' : 'updating' });
    return Promise.resolve();
  };

  haltsOn = () => Promise.resolve([]);
  identity: Releases['identity'] = () => NO_RELEASES.identity();
  isRunning: Releases['isRunning'] = (holder) => NO_RELEASES.isRunning(holder);

  isHalted = (name: string): boolean => this.#states.get(name)?.halt !== undefined;
}

test.each(['silent', 'full'] as const)(
  'a release that is %s keeps a halt from no other one, and is named as not reached',
  async (bad) => {
    const line = new Line(bad);
    const {
      result: { releases },
    } = await inActivity(() => holdLine(line, () => false)({ halt, key: 'k', until: NOW + 60_000 }));
    expect([line.isHalted('a'), line.isHalted('c')]).toEqual([true, true]);
    expect(releasesText({ releases })).toMatch(/; not reached, so nobody knows whether they stand still: .*arena\/bad/);
  },
);

test('an unhalt never says that nobody is left while a release does not answer', async () => {
  const line = new Line('silent');
  await inActivity(() => holdLine(line, () => false)({ halt, key: 'k', until: NOW + 60_000 }));
  const { result: left } = await inActivity(() =>
    letLineGo(line, 50)({ halt, key: 'k', known: [], actor: 'ann', reason: 'over' }),
  );
  expect([line.isHalted('a'), line.isHalted('c')]).toEqual([false, false]);
  expect(left).toEqual(['arena/bad was not reached: its release does not answer, and may go on standing still']);
});
