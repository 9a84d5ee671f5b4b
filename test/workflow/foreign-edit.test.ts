import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, inject } from 'vitest';
import { readRecords } from '../../release/record/record.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { nextCommands } from '../../release/narrate/narrate.ts';
import { MAIN, MAIN_IMAGE, NEW_IMAGE, OLD_IMAGE, SIDECAR, USER_STRATEGY } from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { movedTo, setWrites } from '../support/fake-log.ts';
import type { RawSet } from '../support/fake-set-model.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { A_PRIORITY } from '../support/moments.ts';
import { startKillableWorkers } from '../support/killable-workers.ts';
import { aRelease, aTargetedRelease, emptyStage, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

type Edit = (set: RawSet) => void;

const OTHER_IMAGE = 'registry.test/scripts:2.1';
const isPaused = ({ phase, pausedBecause }: ReleaseState): boolean => phase === 'paused' && pausedBecause !== undefined;
const isEdited = (state: ReleaseState): boolean => isPaused(state) && state.foreignEdit !== undefined;
const atGate = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

const setImage =
  (image: string): Edit =>
  ({ spec }) => {
    spec.gameServerTemplate.spec.containers.find(({ name }) => name === SIDECAR)!.image = image;
  };
const setRolling =
  (change: object): Edit =>
  ({ spec }) => {
    spec.updateStrategy = {
      ...spec.updateStrategy,
      rollingUpdate: { ...spec.updateStrategy?.rollingUpdate, ...change },
    };
  };
const setOnDelete: Edit = ({ spec }) => {
  spec.updateStrategy = { type: 'OnDelete' };
};
const HELD = { partition: 9, maxUnavailable: 10, podUpdatePolicy: 'InPlaceOnly' };
const setHeld: Edit = ({ spec }) => {
  spec.updateStrategy = { type: 'RollingUpdate', rollingUpdate: HELD };
};

/** A watch sees an edit at once; whoever polls, or waits for the next step, does not within this time. */
const SECONDS_MS = 30_000;

/** Edits of others, what is said of them, and how they take them back. */
const EDITS: readonly (readonly [string, string, Edit, Edit])[] = [
  [
    'the image',
    `helm changed /spec/gameServerTemplate/spec/containers/1/image of duel from "${NEW_IMAGE}" to "${OTHER_IMAGE}"`,
    setImage(OTHER_IMAGE),
    setImage(NEW_IMAGE),
  ],
  [
    'the partition',
    'helm changed /spec/updateStrategy/rollingUpdate/partition of duel from 9 to 10',
    setRolling({ partition: 10 }),
    setRolling({ partition: 9 }),
  ],
  [
    'maxUnavailable',
    'helm changed /spec/updateStrategy/rollingUpdate/maxUnavailable of duel from 10 to 1',
    setRolling({ maxUnavailable: 1 }),
    setRolling({ maxUnavailable: 10 }),
  ],
  [
    'the whole strategy',
    'helm changed /spec/updateStrategy/type of duel from "RollingUpdate" to "OnDelete"',
    setOnDelete,
    setHeld,
  ],
];

/** The waits of a release when somebody edits its set, and how it gets there. */
const WAITS: readonly (readonly [
  string,
  SpecWishes,
  (it: Stage, start: () => Promise<StartedRelease>) => Promise<StartedRelease>,
])[] = [
  [
    'at a gate',
    { gates: [{ before: 2 }] },
    async (_it, start) => {
      const release = await start();
      await release.until('the gate', atGate);
      return release;
    },
  ],
  ['while servers become Ready', {}, (it, start) => during(it, 'awaitReady', start)],
  ['during a long reload', {}, (it, start) => during(it, 'reloadServers', start)],
  ['during a proof', {}, (it, start) => during(it, 'checkServers', start)],
  [
    'during a bake',
    { bake: '1m' },
    async (_it, start) => {
      const release = await start();
      await release.until('the bake', ({ phase }) => phase === 'baking');
      return release;
    },
  ],
];

async function during(
  it: Stage,
  activity: 'awaitReady' | 'reloadServers' | 'checkServers',
  start: () => Promise<StartedRelease>,
): Promise<StartedRelease> {
  const held = it.calls.hold({ activity });
  const release = await start();
  await held.reached;
  return release;
}

/** A release in whose first wave somebody else edits the set, and that has paused because of it. */
async function disturbed(it: Stage, edit: Edit, wishes: SpecWishes = {}): Promise<[StartedRelease, ReleaseState]> {
  const release = await it.start(aRelease({ gates: [{ before: 2 }], ...wishes }));
  await release.until('the gate', atGate);
  it.cluster.edit('helm', edit);
  return [release, await release.until('the pause', isEdited)];
}

function loaded(cluster: FakeCluster): string[] {
  return [...cluster.set().servers.values()].map(({ engine }) => engine.loaded);
}

describe('an edit by somebody else', () => {
  test.for(
    EDITS.flatMap(([field, sentence, edit]) =>
      WAITS.map(([where, ...wait]) => [field, where, sentence, edit, ...wait] as const),
    ),
  )(
    'of %s, %s, pauses the release and names field, values and manager',
    async ([field, where, sentence, edit, wishes, arrive], { stage }) => {
      const it = await stage();
      const release = await arrive(it, () => it.start(aRelease(wishes)));
      const edited = Date.now();
      it.cluster.edit('helm', edit);
      const { pausedBecause, foreignEdit } = await release.until('the pause', isEdited, SECONDS_MS);
      process.stderr.write(`foreign edit: ${field}, ${where}: paused ${Date.now() - edited} ms after the edit\n`);
      expect(foreignEdit).toMatchObject({ what: sentence });
      expect(pausedBecause).toBe(sentence);
      await release.decide({ verb: 'cancel', then: 'hold' });
      expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    },
  );

  test.for(EDITS)(
    'of %s is not overwritten, and resume asks whose values stay',
    async ([, sentence, edit], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      await release.idle('the freeze', isEdited);
      const { gameServerTemplate, updateStrategy } = structuredClone(it.cluster.set().raw.spec);
      expect(await release.decide({ verb: 'resume' })).toEqual({
        accepted: false,
        message: `${sentence}: say which one stays, resume --wins release (write it over) or resume --wins edit (end the release, leave the edit)`,
      });
      expect(it.cluster.set().raw.spec).toMatchObject({ gameServerTemplate, updateStrategy });
      await release.decide({ verb: 'cancel', then: 'hold' });
      expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    },
  );

  test.for(EDITS)(
    'of %s, once taken back, lets a resumed release go on to its end',
    async ([, , edit, back], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      await release.idle('the freeze', isEdited);
      // A person who takes an edit back does not undo hotwave's pause with it.
      const { paused } = it.cluster.set().raw.spec.updateStrategy?.rollingUpdate ?? {};
      it.cluster.edit('helm', back);
      if (paused === true) it.cluster.edit('helm', setRolling({ paused: true }));
      const { pausedBecause } = await release.until('the news', ({ foreignEdit }) => foreignEdit === undefined);
      expect(pausedBecause).toMatch(/; that was taken back since, resume goes on$/);
      expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: true });
      // Whom the edit has moved proves again first.
      await release.idle('the gate', atGate);
      await release.decide({ verb: 'approve', wave: 2 });
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test('that is taken back while the set is being frozen is not missed', async ({ stage }) => {
    const it = await stage();
    it.calls.run({ activity: 'changeControls', operation: 'patch', when: 'after' }, () =>
      it.cluster.edit('helm', setImage(NEW_IMAGE)),
    );
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    const { foreignEdit } = await release.until('the news', ({ pausedBecause = '' }) =>
      pausedBecause.endsWith('; that was taken back since, resume goes on'),
    );
    expect(foreignEdit).toBeUndefined();
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test.for(EDITS)(
    'of %s is written over when the release wins, and the release is done',
    async ([, , edit], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      expect(await release.decide({ verb: 'resume', wins: 'release' })).toEqual({
        accepted: true,
        message: 'resuming: the edit is written over',
      });
      await release.idle('the gate', atGate);
      await release.decide({ verb: 'approve', wave: 2 });
      expect(await release.result()).toMatchObject({ outcome: 'done', restartsOfMainContainers: 0 });
      expect(loaded(it.cluster)).toEqual(Array(10).fill('2.0'));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test.for(EDITS)(
    'of %s stays when it wins: the release ends, and notes that on the set',
    async ([, sentence, edit], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      await release.idle('the freeze', isEdited);
      await release.decide({ verb: 'resume', wins: 'edit' });
      expect(await release.result()).toMatchObject({ outcome: 'cancelled', reason: `${sentence}; the edit stays` });
      const { raw } = it.cluster.set();
      const asEdited = structuredClone(raw);
      edit(asEdited);
      expect(raw.spec).toEqual(asEdited.spec);
      expect(raw.spec.updateStrategy?.rollingUpdate?.paused ?? false).toBe(false);
      expect(readRecords(raw.metadata.annotations).running).toMatchObject({ left: `${sentence}; the edit stays` });
    },
  );

  test.for(EDITS)(
    'of %s does not stand in the way of a rollback that a person asks for',
    async ([, , edit], { stage }) => {
      const it = await stage();
      const [release] = await disturbed(it, edit);
      await release.decide({ verb: 'rollback', actor: 'bob' });
      expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
      expect(loaded(it.cluster)).toEqual(Array(10).fill('1.0'));
      expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    },
  );

  test("of a server's updatePriority pauses the release and can be written over", async ({ stage }) => {
    const it = await stage();
    const named = { waves: [{ name: 'quiet', servers: [1, 2] }, 'rest'] };
    const release = await it.start(aRelease({ ...named, gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.editServer('kubectl-edit', 'duel-3', ({ spec }) => {
      spec.updatePriority = 7;
    });
    const { foreignEdit } = await release.until('the pause', isEdited, SECONDS_MS);
    expect(foreignEdit?.what).toBe('kubectl-edit changed /spec/updatePriority of duel-3 from 10 to 7');
    await release.idle('the freeze', isEdited);
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    await release.decide({ verb: 'resume', wins: 'release' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect(it.cluster.set().gameServers.get('duel-3')!.spec.updatePriority).toBe(0);
  });

  test('of the image and of a priority is one question, also while priorities are slow to write', async ({ stage }) => {
    const it = await stage();
    const named = { waves: [{ name: 'quiet', servers: [1, 2] }, 'rest'] };
    const release = await it.start(aRelease({ ...named, gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.calls.slow(A_PRIORITY, 3_000);
    it.cluster.editServer('kubectl-edit', 'duel-3', ({ spec }) => {
      spec.updatePriority = 7;
    });
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    await release.idle('both', (state) => isEdited(state) && /image.*duel-3/.test(state.foreignEdit?.what ?? ''));
    await release.decide({ verb: 'resume', wins: 'release' });
    const { phase, foreignEdit } = await release.until(
      'the gate or another question',
      (state) => atGate(state) || (isEdited(state) && state.foreignEdit?.wins === undefined),
    );
    expect({ phase, foreignEdit }).toEqual({ phase: 'waiting-approval', foreignEdit: undefined });
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('of what no release writes is not said to be written over: only whoever made it can put it back', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    const engine =
      (image: string): Edit =>
      ({ spec }) => {
        spec.gameServerTemplate.spec.containers.find(({ name }) => name === MAIN)!.image = image;
      };
    it.cluster.edit('helm', engine('registry.test/engine:9'));
    const { foreignEdit } = await release.until('the pause', isEdited);
    const answer = await release.decide({ verb: 'resume', wins: 'release' });
    expect(answer.accepted).toBe(false);
    expect(answer.message).toContain(
      `${foreignEdit!.what}: a release does not write that over; put it back and resume`,
    );
    const commands = nextCommands(await release.state());
    expect(commands.filter((line) => line.includes('--wins release'))).toEqual([]);
    expect(commands.filter((line) => line.includes('--wins edit'))).toHaveLength(1);
    it.cluster.edit('helm', engine(MAIN_IMAGE));
    await release.until('the news', (state) => state.foreignEdit === undefined);
    expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: true });
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('of the image is frozen before it moves more servers than it had at once', async ({ stage }) => {
    const it = await stage({ timings: { swapMs: 200 } });
    const [release] = await disturbed(it, setImage(OTHER_IMAGE));
    await release.idle('the freeze', isEdited);
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    expect(movedTo(it.cluster, OTHER_IMAGE).length).toBeLessThanOrEqual(1);
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('that comes after the one that a person decided about is not overwritten: they are asked again', async ({
    stage,
  }) => {
    const it = await stage();
    const [release] = await disturbed(it, setRolling({ maxUnavailable: 1 }));
    it.calls.run({ activity: 'reassertSet', operation: 'patch' }, () =>
      it.cluster.edit('argocd', setRolling({ maxUnavailable: 2 })),
    );
    await release.decide({ verb: 'resume', wins: 'release' });
    const again = await release.until(
      'the next question',
      ({ foreignEdit }) => foreignEdit?.what.includes('argocd') === true,
    );
    expect(again.foreignEdit).not.toHaveProperty('wins');
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { maxUnavailable: 2 } });
    await release.until('the pause', isEdited, SECONDS_MS);
    await release.decide({ verb: 'resume', wins: 'release' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that comes in the way of a decision is asked about once, with all that the watch sees of it', async ({
    stage,
  }) => {
    const it = await stage();
    const [release] = await disturbed(it, setRolling({ maxUnavailable: 1 }));
    await release.idle('the freeze', isEdited);
    it.calls.run({ activity: 'reassertSet', operation: 'patch' }, () =>
      it.cluster.edit('argocd', setRolling({ maxUnavailable: 2 })),
    );
    const look = it.calls.hold({ activity: 'watchSet', operation: 'readSet' });
    await release.decide({ verb: 'resume', wins: 'release' });
    await look.reached;
    // A decision now would be about what the refused write has named, and the person would be asked once more about
    // the same.
    expect((await release.state()).foreignEdit?.what).toMatch(/^(helm|argocd) changed .* from 10 to [12]$/);
    look.release();
    const { foreignEdit } = await release.until('the next question', isEdited);
    expect(foreignEdit).toEqual({
      what: 'argocd changed /spec/updateStrategy/rollingUpdate/maxUnavailable of duel from 10 to 2',
      seenAt: expect.any(Number) as number,
    });
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('back to the value that was there is no mismatch, and neither is one of what the release does not hold', async ({
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    const { historyLength } = await release.handle.describe();
    it.cluster.edit('helm', setRolling({ partition: 9 }));
    it.cluster.edit('helm', ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, note: 'mine' };
    });
    // Longer than any edit has ever gone unnoticed: there is nothing else to wait for.
    await pause(1_000);
    expect(await release.state()).toMatchObject({ phase: 'waiting-approval' });
    expect((await release.handle.describe()).historyLength).toBe(historyLength);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('while a person has paused the release is told to them, and resume asks', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    await release.decide({ verb: 'pause', actor: 'bob', reason: 'lunch' });
    await release.idle('the pause', isPaused);
    it.cluster.edit('helm', setRolling({ partition: 3 }));
    await release.until('the news', isEdited, SECONDS_MS);
    expect(await release.decide({ verb: 'resume' })).toMatchObject({ accepted: false });
    await release.decide({ verb: 'resume', wins: 'release' });
    await release.until('the gate', atGate);
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
  });

  test('that keeps servers from moving is not undone by an automatic rollback', async ({ stage }) => {
    const it = await stage({ timings: { swapMs: 300 } });
    const watch = it.calls.hold({ activity: 'watchSet' });
    const held = it.calls.hold({ activity: 'awaitReady' });
    const release = await it.start(aRelease({ waves: [3, 'rest'], maxUnavailable: 1, ready: { timeout: '2s' } }));
    await held.reached;
    it.cluster.edit('emergency', setRolling({ paused: true }));
    held.release();
    const { pausedBecause } = await release.until('the pause', isPaused);
    expect(pausedBecause).toMatch(/emergency changed \/spec\/updateStrategy/);
    watch.release();
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { paused: true } });
    expect(movedTo(it.cluster, OLD_IMAGE)).toEqual([]);
    await release.decide({ verb: 'rollback', actor: 'bob' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('the watch of the set', () => {
  test('takes none of its own writes for an edit, in 50 waves with a pause in each tenth', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 50 }] });
    const pauses = [10, 20, 30, 40];
    const release = await it.start(
      aRelease({ waves: [...Array<number>(49).fill(1), 'rest'], gates: pauses.map((before) => ({ before })) }),
    );
    for (const wave of pauses) {
      await release.until('the gate', ({ phase, gate }) => phase === 'waiting-approval' && gate?.wave === wave);
      await release.decide({ verb: 'pause' });
      await release.until('the pause', isPaused);
      await release.decide({ verb: 'resume' });
      await release.idle('the gate', atGate);
      await release.decide({ verb: 'approve', wave });
    }
    expect(await release.result()).toMatchObject({ outcome: 'done', waves: 50 });
    const { warnings, decisions } = await release.state();
    expect(warnings).toEqual([]);
    expect(decisions).toHaveLength(pauses.length * 3);
    expect(setWrites(it.cluster).every(({ outcome }) => outcome === 'applied')).toBe(true);
    const { historyLength } = await release.handle.describe();
    process.stderr.write(
      `foreign edit: 50 waves, ${historyLength} events, ${it.cluster.calls.readSet} reads of the set\n`,
    );
  });

  test(
    'goes on in another worker when its own is killed, and then says what happened meanwhile',
    { timeout: 120_000 },
    async ({ connections }) => {
      const it = emptyStage(connections, {});
      const killable = await startKillableWorkers([it], {
        address: inject('temporalAddress'),
        bundlePath: inject('bundlePath'),
      });
      const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
      await release.until('the gate', atGate);
      await killable.kill();
      it.cluster.edit('helm', setRolling({ partition: 3 }));
      const worker = await it.startWorker();
      const started = Date.now();
      const { foreignEdit } = await release.until('the pause', isEdited, 60_000);
      process.stderr.write(`foreign edit: noticed ${Date.now() - started} ms after another worker had started\n`);
      expect(foreignEdit?.what).toBe('helm changed /spec/updateStrategy/rollingUpdate/partition of duel from 9 to 3');
      await release.decide({ verb: 'cancel', then: 'hold' });
      await release.result();
      await worker.shutDown();
    },
  );

  test('that cannot read the set for a while sees the edit afterwards', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.calls.fail({ activity: 'watchSet', operation: 'readSet' }, { times: 3 });
    it.cluster.edit('helm', setOnDelete);
    await release.until('the pause', isEdited, SECONDS_MS);
    await release.decide({ verb: 'rollback' });
    expect(await release.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe('an edit of the template under a targeted release', () => {
  test('pauses it, and is written over or stays as a person says', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aTargetedRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', atGate);
    it.cluster.edit('helm', setRolling({ maxUnavailable: 3 }));
    it.cluster.edit('helm', setImage(OTHER_IMAGE));
    const { foreignEdit } = await release.until('the pause', isEdited, SECONDS_MS);
    expect(foreignEdit?.what).toBe(
      `helm changed /spec/gameServerTemplate/spec/containers/1/image of duel from "${OLD_IMAGE}" to "${OTHER_IMAGE}"`,
    );
    await release.decide({ verb: 'resume', wins: 'edit' });
    expect(await release.result()).toMatchObject({ outcome: 'cancelled' });
    expect(it.cluster.set().raw.spec.updateStrategy).toMatchObject({ rollingUpdate: { maxUnavailable: 3 } });
  });
});
