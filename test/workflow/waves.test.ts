import { describe, expect } from 'vitest';
import { FROZEN } from '../../release/patches/patches.ts';
import { RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { NEW_IMAGE, OLD_IMAGE, USER_STRATEGY } from '../support/builders.ts';
import { eachServer, movedTo, reloads, setWrites } from '../support/fake-log.ts';
import { aRelease, test } from '../support/stage.ts';

describe('a release', () => {
  test('moves its servers in the order of their priorities, wave by wave, and proves each', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 6, priority: (ordinal) => (ordinal === 2 ? 10 : 0) }] });
    const release = await it.start(aRelease({ waves: [1, 2, 'rest'] }));
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: 'every server proves 2.0',
      servers: 6,
      waves: 3,
      restartsOfMainContainers: 0,
      recreatedPods: 0,
    });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-2', 'duel-5', 'duel-4', 'duel-3', 'duel-1', 'duel-0']);
    expect(reloads(it.cluster)).toEqual(eachServer(it.cluster, 1));
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(6).fill('2.0'));
    const { waves } = await release.state();
    expect(waves.map(({ status, ready, proven }) => ({ status, ready, proven }))).toEqual([
      { status: 'done', ready: 1, proven: 1 },
      { status: 'done', ready: 2, proven: 2 },
      { status: 'done', ready: 3, proven: 3 },
    ]);
  });

  test('starts on a wave only when every server of the wave before has proved the version', async ({ stage }) => {
    const it = await stage();
    await (await it.start(aRelease())).result();
    const story = it.cluster.log.flatMap((entry) => {
      if (entry.kind === 'moved') return [`${entry.server} moved`];
      return entry.kind === 'http' && entry.path === '/healthz' ? [`${entry.server} healthy`] : [];
    });
    const last = (what: string, servers: number[]): number =>
      Math.max(...servers.map((ordinal) => story.lastIndexOf(`duel-${ordinal} ${what}`)));
    const first = (what: string, servers: number[]): number =>
      Math.min(...servers.map((ordinal) => story.indexOf(`duel-${ordinal} ${what}`)));
    expect(last('healthy', [9])).toBeLessThan(first('moved', [8, 7, 6]));
    expect(last('healthy', [8, 7, 6])).toBeLessThan(first('moved', [5, 4, 3, 2, 1, 0]));
  });

  test('closes the set first, opens it for one wave after the other, and leaves it as it found it', async ({
    stage,
  }) => {
    const it = await stage();
    await (await it.start(aRelease())).result();
    expect(setWrites(it.cluster)).toEqual([
      { outcome: 'applied', image: NEW_IMAGE, partition: FROZEN, paused: undefined },
      { outcome: 'applied', image: undefined, partition: 9, paused: undefined },
      { outcome: 'applied', image: undefined, partition: 6, paused: undefined },
      { outcome: 'applied', image: undefined, partition: 0, paused: undefined },
      { outcome: 'applied', image: undefined, partition: 0, paused: undefined },
    ]);
    const { spec, metadata } = it.cluster.set().raw;
    expect(spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(metadata.annotations).not.toHaveProperty([RELEASE_ANNOTATION]);
  });

  test('gives servers the priorities that its waves need, and puts them back', async ({ stage }) => {
    const priority = (ordinal: number): number => ordinal * 7;
    const it = await stage({ sets: [{ replicas: 4, priority }] });
    const release = await it.start(aRelease({ waves: [{ name: 'quiet ones', servers: [0, 2] }, 'rest'] }));
    expect(await release.result()).toMatchObject({ outcome: 'done', waves: 2 });
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-2', 'duel-0', 'duel-3', 'duel-1']);
    expect([...it.cluster.set().gameServers.values()].map(({ spec }) => spec.updatePriority)).toEqual([0, 7, 14, 21]);
  });

  test('makes a server load the version that runs its image already but was never told, and calls nobody done before', async ({
    stage,
  }) => {
    const it = await stage({ sets: [{ replicas: 3 }] });
    await (await it.start(aRelease())).result();
    // As after a release that ended between image and reload.
    it.cluster.server('duel-1').engine.loaded = '1.0';
    const again = await it.start(aRelease({ name: 'scripts-2-0-again' }));
    expect(await again.result()).toMatchObject({ outcome: 'done', reason: 'every server proves 2.0', servers: 0 });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(['2.0', '2.0', '2.0']);
    expect(reloads(it.cluster)).toEqual({ ...eachServer(it.cluster, 1), 'duel-1': 2 });
  });

  test('takes back, reloads and proves also the servers that an earlier release had moved', async ({ stage }) => {
    const it = await stage({ sets: [{ replicas: 4 }] });
    const half = await it.start(aRelease({ waves: [2, 'rest'], gates: [{ before: 2 }] }));
    await half.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await half.decide({ verb: 'cancel', then: 'hold' });
    await half.result();
    const rest = await it.start(aRelease({ name: 'the-rest', waves: [1, 'rest'], gates: [{ before: 2 }] }));
    await rest.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await rest.decide({ verb: 'rollback' });
    expect(await rest.result()).toMatchObject({ outcome: 'rolled-back' });
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(4).fill('1.0'));
  });

  test('leaves a server alone that could not be made to load what it has, when so many failures are tolerated', async ({
    stage,
  }) => {
    let broken = false;
    const it = await stage({
      sets: [{ replicas: 4 }],
      exec: ({ command }, server) =>
        broken && server.name === 'duel-3' && command.includes('reload')
          ? { kind: 'exited', code: 1, stdout: '', stderr: 'no' }
          : undefined,
    });
    const half = await it.start(aRelease({ waves: [2, 'rest'], gates: [{ before: 2 }] }));
    await half.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await half.decide({ verb: 'cancel', then: 'hold' });
    await half.result();
    it.cluster.server('duel-3').engine.loaded = '1.0';
    broken = true;
    const rest = await it.start(aRelease({ name: 'the-rest', onFailure: { tolerate: 1 } }));
    expect(await rest.result()).toMatchObject({ outcome: 'done' });
    expect((await rest.state()).failures.map(({ server, class: kind }) => [server, kind])).toEqual([
      ['duel-3', 'reload'],
    ]);
  });

  test('is done at once when every server runs the image already, and writes nothing', async ({ stage }) => {
    const it = await stage();
    const release = await it.start(aRelease({ image: OLD_IMAGE }));
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: expect.stringContaining('already') as string,
    });
    expect(setWrites(it.cluster)).toEqual([]);
  });

  test('is refused with a sentence, and writes nothing, when the set is not there', async ({ stage }) => {
    const it = await stage({ sets: [{ ref: { namespace: 'arena', name: 'other' } }] });
    const release = await it.start(aRelease());
    expect(await release.result()).toMatchObject({
      outcome: 'refused',
      reason: expect.stringMatching(/^there is no GameServerSet duel in namespace arena/) as string,
    });
    expect(setWrites(it.cluster)).toEqual([]);
  });

  test('is rolled back by itself when a server fails, all prove the old version, and it names who may load the new one yet', async ({
    stage,
  }) => {
    const it = await stage({ failures: { 'duel-7': 'stale' } });
    const release = await it.start(aRelease());
    const { outcome, reason } = await release.result();
    expect(outcome).toBe('rolled-back');
    expect(reason).toBe(
      'duel-7: http :8080/version answered "1.0", expected "2.0"; all others prove 1.0; told to load 2.0, never proved it and may load it yet: duel-7',
    );
    expect(movedTo(it.cluster, NEW_IMAGE)).toEqual(['duel-9', 'duel-8', 'duel-7', 'duel-6']);
    expect([...it.cluster.set().servers.values()].map(({ engine }) => engine.loaded)).toEqual(Array(10).fill('1.0'));
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
  });

  test('excludes failed servers as long as there are no more than it tolerates', async ({ stage }) => {
    const it = await stage({ failures: { 'duel-7': 'stale' } });
    const release = await it.start(aRelease({ onFailure: { tolerate: 1 } }));
    expect(await release.result()).toMatchObject({
      outcome: 'done',
      reason: '9 of 10 servers prove 2.0; excluded: duel-7',
    });
    expect((await release.state()).failures).toMatchObject([{ server: 'duel-7', class: 'version' }]);
  });
});

describe('the lock of a set', () => {
  test('lets one release run: a second one is refused and changes nothing', async ({ stage }) => {
    const it = await stage();
    const first = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await first.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const before = it.cluster.log.length;
    await expect(it.start(aRelease({ name: 'scripts-3-0' }))).rejects.toThrow('already started');
    expect(it.cluster.log.slice(before)).toEqual([]);
    expect((await first.state()).release).toBe('scripts-2-0');
    await first.decide({ verb: 'cancel', then: 'hold' });
    expect(await first.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('is free again when the release has ended', async ({ stage }) => {
    const it = await stage();
    await (await it.start(aRelease())).result();
    const next = await it.start(aRelease({ name: 'back-again', image: OLD_IMAGE }));
    expect(await next.result()).toMatchObject({ outcome: 'done', release: 'back-again' });
  });
});
