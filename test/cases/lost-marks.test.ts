import { describe, expect } from 'vitest';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { FENCE_ANNOTATION } from '../../release/patches/fence.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import { asks } from '../support/carry.ts';
import { unreachable } from '../support/fake-faults.ts';
import { everyServer, loadedBy } from '../support/observer.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const forbidden = new ClusterFailure('forbidden', 'the worker may not do that (403)', { retryable: false });
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

type Annotations = Readonly<Record<string, string>>;
type Edit = readonly [name: string, change: (annotations: Annotations) => Annotations];

const withoutMark: Edit = ['the mark', ({ [FENCE_ANNOTATION]: _mark, ...others }) => others];
const withoutAll: Edit = ['every annotation', () => ({})];

function annotate(it: Stage, [, change]: Edit): void {
  it.cluster.edit('kubectl', ({ metadata }) => {
    metadata.annotations = { ...change(metadata.annotations ?? {}) };
  });
}

/** The first write arrives, its answer gets lost, and before the next attempt somebody takes annotations away. */
function loseTheFirstWrite(it: Stage, edit: Edit, then: () => void = () => undefined): void {
  it.calls.run({ activity: 'stageTemplate', operation: 'patch', when: 'after' }, () => {
    annotate(it, edit);
    then();
    throw unreachable();
  });
}

async function expectEverywhere(it: Stage, version: string): Promise<void> {
  expect(loadedBy(it.cluster)).toEqual(everyServer(it.cluster, version));
  const { gameServerTemplate, updateStrategy } = it.cluster.set().raw.spec;
  expect(gameServerTemplate.spec.containers[1]?.image).toBe(OLD_IMAGE.replace('1.0', version));
  expect(updateStrategy).toEqual(USER_STRATEGY);
  expect(await stageCommand(it, ['verify', 'arena/duel'])).toMatchObject({ code: 0 });
}

describe('a first write whose answer is lost, and of which somebody takes away', () => {
  test.for([withoutMark, withoutAll])('%s, is known by its values: the release goes on', async (edit, { stage }) => {
    const it = await stage();
    loseTheFirstWrite(it, edit);
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await expectEverywhere(it, '2.0');
  });

  test.for([withoutMark, withoutAll])('%s, is taken back by a rollback', async (edit, { stage }) => {
    const it = await stage();
    // From then on it may not even look at the set, so it never learns that its first write has arrived.
    loseTheFirstWrite(it, edit, () => it.calls.fail({ activity: 'stageTemplate' }, { failure: forbidden, times: 100 }));
    const release = await it.start(aRelease());
    await release.until('the question', asks);
    expect(it.cluster.set().raw.spec.updateStrategy).not.toEqual(USER_STRATEGY);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await expectEverywhere(it, '1.0');
  });
});

describe('a mark that somebody else has written at a gate', () => {
  const MARKS = ['', 'garbage', '9'.repeat(40), '02a00000-0000-7000-8000-000000000000/5'];
  const marked = (mark: string): Edit => ['', (others) => ({ ...others, [FENCE_ANNOTATION]: mark })];

  test.for(MARKS)('%j keeps the release from nothing: its record names it', async (mark, { stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    annotate(it, marked(mark));
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    await expectEverywhere(it, '2.0');
  });

  test.for(MARKS)('%j keeps no rollback from its end', async (mark, { stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    annotate(it, marked(mark));
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
    await expectEverywhere(it, '1.0');
  });
});
