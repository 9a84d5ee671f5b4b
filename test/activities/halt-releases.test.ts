import { expect, test } from 'vitest';
import { haltReleases, letReleasesGo } from '../../activities/halt/halt-releases.ts';
import type { Releases, RunningRelease } from '../../activities/ports/releases.ts';
import { NO_RELEASES } from '../../activities/ports/releases.ts';
import type { HaltOfScope } from '../../release/decisions/halt.ts';
import { releasesText } from '../../release/decisions/halt.ts';
import { applyDecision } from '../../release/decisions/decision.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { initialState } from '../../release/progress/state.ts';
import { inActivity } from '../support/activity-context.ts';

const NOW = Date.now();
const halt: HaltOfScope = { cluster: 'eu', actor: 'ann', reason: 'fire', since: NOW, until: NOW + 60_000 };
const running = (name: string): RunningRelease => ({ workflowId: `hotwave/eu/arena/${name}` });

const setOf = (workflowId: string): { name: string } => ({ name: workflowId.split('/').at(-1) ?? '' });

/** The trouble of a release: asked, it comes to nothing at once, or for ever; or it takes no more signals. */
type Bad = 'silent' | 'hanging' | 'full';

/** A Temporal with two good releases between which is a bad one. */
class Line implements Releases {
  readonly #states = new Map<string, ReleaseState>();
  readonly #bad: Bad;

  constructor(bad: Bad) {
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
    if (name === 'bad' && this.#bad === 'silent') return Promise.resolve('silent');
    if (name === 'bad' && this.#bad === 'hanging') return new Promise(() => undefined);
    return Promise.resolve(this.#states.get(name) ?? 'ended');
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

/** How long a test waits for an answer, in milliseconds. */
const SOON = 50;

test.each(['silent', 'hanging', 'full'] as const)(
  'a release that is %s keeps a halt from no other one, and is named as not reached',
  async (bad) => {
    const line = new Line(bad);
    const {
      result: { releases },
    } = await inActivity(() =>
      haltReleases(line, () => false, { answer: SOON })({ halt, key: 'k', until: NOW + 60_000 }),
    );
    expect([line.isHalted('a'), line.isHalted('c')]).toEqual([true, true]);
    expect(releasesText({ releases })).toMatch(/; not reached, so nobody knows whether they stand still: .*arena\/bad/);
  },
);

test.each(['silent', 'hanging'] as const)(
  'an unhalt lets the others go on at once, and names a release that is %s instead of waiting for it as long as for one that has to say that it goes on',
  async (bad) => {
    const line = new Line(bad);
    await inActivity(() => haltReleases(line, () => false, { answer: SOON })({ halt, key: 'k', until: NOW + 60_000 }));
    const { result: left } = await inActivity(() =>
      letReleasesGo(line, { answer: SOON, patience: 600_000 })({
        halt,
        key: 'k',
        known: [],
        actor: 'ann',
        reason: 'over',
      }),
    );
    expect([line.isHalted('a'), line.isHalted('c')]).toEqual([false, false]);
    expect(left).toEqual(['arena/bad was not reached: its release does not answer, and may go on standing still']);
  },
);

test('an unhalt asks a release that does not answer at first once more', async () => {
  const line = new Line('full');
  const answers: (ReleaseState | 'silent' | 'ended')[] = ['silent', 'silent', 'ended'];
  line.running = () => Promise.resolve([running('late')]);
  line.state = () => Promise.resolve(answers.shift() ?? 'ended');
  const { result: left } = await inActivity(() =>
    letReleasesGo(line, { answer: 600_000 })({ halt, key: 'k', known: [], actor: 'ann', reason: 'over' }),
  );
  expect({ left, answers }).toEqual({ left: [], answers: [] });
});
