import { describe, expect, test } from 'vitest';
import { readReleaseFile } from '../../release/spec/diagnose.ts';
import type { GameServerSetView } from '../../release/fleet/fleet.ts';
import type { PatchOutcome } from '../../release/patches/patches.ts';
import { firstWavePatch, restorePatch, setBaseline, setTarget } from '../../release/patches/patches.ts';
import { withLastRelease, withReleaseRecord } from '../../release/patches/record-patches.ts';
import { isPlan, plannedServer } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { endOfRelease, recordOfPlan } from '../../release/record/plan-record.ts';
import type { ReleaseRecord } from '../../release/record/record.ts';
import {
  LAST_RELEASE_ANNOTATION,
  RECORD_LIMIT,
  RELEASE_ANNOTATION,
  readRecords,
  recordText,
  recordedStrategy,
} from '../../release/record/record.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';
import {
  MAIN,
  NEW_IMAGE,
  OLD_IMAGE,
  SET,
  SIDECAR,
  USER_STRATEGY,
  aServer,
  aSet,
  servers,
} from '../support/builders.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import { fakeCluster } from '../support/fake-cluster.ts';

const STARTED = 1_000;
const FINISHED = 9_000;

const CONTENT = `{ file: { container: ${MAIN}, path: /srv/VERSION, within: 90s } }`;
const PROOF = '{ http: { port: 80, path: /version, expect: "v={{version}}" } }';

function aSpec(command = '[engine, reload]'): ReleaseSpec {
  return specWith({ reload: `{ exec: { container: ${MAIN}, command: ${command}, timeout: 1500ms } }` });
}

function specWith({ content = CONTENT, reload = '{ self: {} }', proof = PROOF }): ReleaseSpec {
  const reading = readReleaseFile(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { ${SIDECAR}: "${NEW_IMAGE}" }
  content: ${content}
  reload: ${reload}
  proof: ${proof}`);
  if ('release' in reading) return reading.release.spec;
  throw new Error(JSON.stringify(reading.diagnostics));
}

function aRecord(spec = aSpec()): ReleaseRecord {
  const plan = planRelease(spec, { set: aSet(), servers: servers(10), gameServers: [] });
  if (!isPlan(plan)) throw new Error(plan.refusals.join());
  return recordOfPlan(plan, spec, { release: 'scripts-2-0', startedAt: STARTED });
}

const running = (text: string): Record<string, string> => ({ [RELEASE_ANNOTATION]: text });

describe('the record of a running release', () => {
  test('is read back as it was written, how to ask included', () => {
    expect(readRecords(running(recordText(aRecord())))).toEqual({ running: aRecord(), unreadable: [] });
  });

  test('holds what a rollback without Temporal needs', () => {
    expect(JSON.parse(recordText(aRecord()))).toMatchObject({
      v: 1,
      release: 'scripts-2-0',
      container: SIDECAR,
      oldImage: OLD_IMAGE,
      newImage: NEW_IMAGE,
      oldVersion: '1.0',
      newVersion: '2.0',
      updateStrategy: USER_STRATEGY,
    });
  });

  test('names the chosen servers of a targeted release, which no template does', () => {
    const plan = planRelease(aSpec(), { set: aSet(), servers: servers(10), gameServers: [] });
    if (!isPlan(plan)) throw new Error(plan.refusals.join());
    const targeted = {
      ...plan,
      strategy: 'targeted',
      alreadyUpdated: [plannedServer(aServer({ ordinal: 12 }), [MAIN, SIDECAR])],
    } as const;
    const record = recordOfPlan(targeted, aSpec(), { release: 'scripts-2-0', startedAt: STARTED });
    expect(record.chosen).toBe('0-9,12');
    expect(readRecords(running(recordText(record))).running).toEqual(record);
    expect(aRecord()).not.toHaveProperty('chosen');
  });

  test('says how to ask in the words of the release file', () => {
    const { ask } = JSON.parse(recordText(aRecord())) as { ask: Record<string, Record<string, object>> };
    expect(ask['content']!['file']).toMatchObject({ path: '/srv/VERSION', within: '90s' });
    expect(ask['reload']!['exec']).toMatchObject({ command: ['engine', 'reload'], timeout: '1500ms' });
  });

  test.each<Parameters<typeof specWith>[0]>([
    { content: `{ checksums: { container: ${MAIN}, manifest: /srv/SHA256SUMS } }` },
    { content: `{ exec: { container: ${MAIN}, command: [files], expect: "{{version}} of {{server}}" } }` },
    { reload: '{ http: { port: 81, path: /reload, body: "{}", headers: { X-Reason: release }, expectStatus: 204 } }' },
    { proof: `{ log: { container: ${MAIN}, line: "loaded {{version}}", within: 2m } }` },
    { proof: '{ serviceQuality: { name: loaded, within: 1500ms } }' },
  ])('spells every way to ask and to reload: %j', (parts) => {
    const record = aRecord(specWith(parts));
    expect(record.how).toHaveProperty('ask');
    expect(readRecords(running(recordText(record)))).toEqual({ running: record, unreadable: [] });
  });

  test('leaves out how to ask, and says so, rather than grow beyond its limit', () => {
    const long = recordText(aRecord(aSpec(`[engine, ${'x'.repeat(4_000)}, ${`${'y'.repeat(4_000)}, `.repeat(5)} z]`)));
    expect(long.length).toBeLessThan(RECORD_LIMIT);
    expect(readRecords(running(long)).running?.how).toEqual({ noAsk: 'it is longer than 16 KiB' });
  });

  test.each([
    [['curl', '-H', 'Authorization: Bearer abcdefg8']],
    [['load', '--api-key=s3cret', 'now']],
    [['get', 'http://me:pw@cdn']],
  ])('never holds what looks like a credential: %j', (command) => {
    // A release file of an older version: this one refuses it.
    const spec = aSpec();
    const reload = { exec: { ...spec.reload.exec!, command } };
    const text = recordText(aRecord({ ...spec, reload }));
    expect(text).not.toMatch(/abcdefg8|s3cret|pw@/);
    expect(readRecords(running(text)).running?.how).toEqual({ noAsk: 'the release file seems to hold a credential' });
  });
});

describe('a record that somebody has edited', () => {
  const text = recordText(aRecord());

  test.each<[string, string]>([
    ['is no JSON', '{"v":1'],
    ['is something else', '[1, 2]'],
    ['is of another version', text.replace('"v":1', '"v":2')],
    ['lacks a field', text.replace('"container"', '"kontainer"')],
    ['has a value of the wrong type', text.replace(`"${NEW_IMAGE}"`, '7')],
    ['is far too long', text.replace('scripts-2-0', 'x'.repeat(70_000))],
  ])('that %s is named, and nothing of it is believed', (_what, broken) => {
    const { running: found, unreadable } = readRecords(running(broken));
    expect(found).toBeUndefined();
    expect(unreadable).toEqual([expect.stringContaining(`${RELEASE_ANNOTATION} cannot be read: `)]);
  });

  test('still gives the strategy back when only the rest of it is broken', () => {
    expect(recordedStrategy(running(text.replace('"v":1', '"v":9')))).toEqual(USER_STRATEGY);
    expect(recordedStrategy(running(text.replace('"updateStrategy":{', '"updateStrategy":7,"x":{')))).toBeUndefined();
  });

  test('with a broken way to ask keeps its facts and says that it cannot ask', () => {
    const { running: found, unreadable } = readRecords(running(text.replace('"path":"/srv', '"path":"srv')));
    expect(found?.newVersion).toBe('2.0');
    expect(found?.how).toHaveProperty('noAsk');
    expect(unreadable).toEqual([]);
  });
});

describe('the record of an ended release', () => {
  test.each([
    ['done', NEW_IMAGE, '2.0', '1.0'],
    ['rolled-back', OLD_IMAGE, '1.0', '2.0'],
  ] as const)('after %s says what the servers run since', (outcome, image, version, previousVersion) => {
    const last = endOfRelease(aRecord(), outcome, { finishedAt: FINISHED });
    expect(last).toMatchObject({ outcome, image, version, previousVersion, finishedAt: FINISHED });
    const text = recordText(last);
    expect(text).not.toContain('updateStrategy');
    expect(readRecords({ [LAST_RELEASE_ANNOTATION]: text })).toEqual({ last, unreadable: [] });
  });
});

describe('the writes that carry the records', () => {
  const hold = { partition: 0, maxUnavailable: 1, paused: false };
  const last = endOfRelease(aRecord(), 'done', { finishedAt: FINISHED });

  interface World {
    readonly cluster: FakeCluster;
    live(): Promise<GameServerSetView>;
    begin(): Promise<PatchOutcome>;
    end(): Promise<PatchOutcome>;
  }

  async function world(annotations?: Record<string, string>): Promise<World> {
    const cluster = fakeCluster({ sets: [annotations ? { annotations } : {}] });
    const live = async (): Promise<GameServerSetView> => (await cluster.readSet(SET))!;
    const baseline = setBaseline(await live(), SIDECAR, NEW_IMAGE)!;
    return {
      cluster,
      live,
      begin: async () =>
        cluster.patch(setTarget(SET), withReleaseRecord(firstWavePatch(baseline, 10, hold), await live(), aRecord())),
      end: async () =>
        cluster.patch(setTarget(SET), withLastRelease(restorePatch(baseline, NEW_IMAGE, hold), await live(), last)),
    };
  }

  test.each([undefined, { owner: 'ann' }])('put one record in place of the other, beside %j', async (annotations) => {
    const it = await world(annotations);
    expect(await it.begin()).toEqual({ kind: 'applied' });
    expect(readRecords((await it.live()).annotations)).toEqual({ running: aRecord(), unreadable: [] });
    expect(await it.end()).toEqual({ kind: 'applied' });
    expect(readRecords((await it.live()).annotations)).toEqual({ last, unreadable: [] });
    expect((await it.live()).annotations).toMatchObject(annotations ?? {});
  });

  test('are safe to repeat: the second time their values are there', async () => {
    const it = await world();
    await it.begin();
    expect(await it.begin()).toEqual({ kind: 'alreadyApplied' });
    await it.end();
    expect(await it.end()).toEqual({ kind: 'alreadyApplied' });
  });

  test('do not mind that somebody has deleted the record, or every annotation', async () => {
    for (const left of [{ other: 'x' }, undefined]) {
      const it = await world({ owner: 'ann' });
      await it.begin();
      it.cluster.edit('kubectl-annotate', ({ metadata }) => {
        if (left) metadata.annotations = left;
        else delete metadata.annotations;
      });
      expect(await it.end()).toEqual({ kind: 'applied' });
      expect(readRecords((await it.live()).annotations)).toEqual({ last, unreadable: [] });
    }
  });
});
