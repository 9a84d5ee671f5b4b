import { describe, expect, test } from 'vitest';
import type { FoundServer, Heard, AuditFrame, AuditRow } from '../../release/audit/audit.ts';
import { auditRow, versionIn } from '../../release/audit/audit.ts';
import { auditOf, verdictOf } from '../../release/audit/audit-verdict.ts';
import type { LastRelease, ReleaseRecord } from '../../release/record/record.ts';
import type { ExpectedVersion } from '../../release/audit/expectation.ts';
import { measureOf, wantedOf } from '../../release/audit/expectation.ts';
import type { ServerWishes } from '../support/builders.ts';
import {
  MAIN,
  NEW_IMAGE,
  OLD_IMAGE,
  SET,
  SIDECAR,
  USER_STRATEGY,
  aServer,
  anUpdatedServer,
} from '../support/builders.ts';

const STARTED = Date.UTC(2026, 0, 10);
const FINISHED = STARTED + 60_000;
const OTHER_IMAGE = 'registry.test/scripts:3.0';

const last: LastRelease = {
  v: 1,
  release: 'scripts-2-0',
  strategy: 'rolling',
  container: SIDECAR,
  outcome: 'done',
  image: NEW_IMAGE,
  version: '2.0',
  previousImage: OLD_IMAGE,
  previousVersion: '1.0',
  startedAt: STARTED,
  finishedAt: FINISHED,
  how: { noAsk: 'a test asks nobody' },
};

const running: ReleaseRecord = {
  v: 1,
  release: 'scripts-3-0',
  strategy: 'rolling',
  container: SIDECAR,
  oldImage: NEW_IMAGE,
  newImage: OTHER_IMAGE,
  oldVersion: '2.0',
  newVersion: '3.0',
  updateStrategy: USER_STRATEGY,
  startedAt: FINISHED + 1_000,
  how: { noAsk: 'a test asks nobody' },
};

function anExpectedVersion(change: Partial<LastRelease> = {}): ExpectedVersion {
  return measureOf({ last: { ...last, ...change }, unreadable: [] }, undefined, undefined)!.expectedVersion;
}

function aFrame(change: Partial<AuditFrame> = {}): AuditFrame {
  return {
    set: SET,
    replicas: 1,
    templateImage: NEW_IMAGE,
    containers: [MAIN, SIDECAR],
    expectedVersion: anExpectedVersion(),
    how: { noAsk: 'a test asks nobody' },
    notes: [],
    ...change,
  };
}

const right = (version: string): Heard => ({ kind: 'right', version, reason: '' });
const wrong = (version: string): Heard => ({ kind: 'wrong', version, reason: `answered "${version}"` });
const silent: Heard = { kind: 'silent', version: '', reason: 'http :80/version: connection refused' };

/** A server that the release has updated and that proves it, unless the test says otherwise. */
function found(change: Partial<FoundServer> = {}, wishes: ServerWishes = {}): FoundServer {
  const pod = anUpdatedServer({ ordinal: 3, ...wishes });
  return { name: pod.name, pod, files: right('2.0'), loaded: right('2.0'), ...change };
}

const row = (change?: Partial<FoundServer>, wishes?: ServerWishes, frame = aFrame()): AuditRow =>
  auditRow(frame, found(change, wishes));

describe('a server', () => {
  test('that asks for the image, has the files and has loaded them mismatches from nothing', () => {
    expect(row()).toMatchObject({
      server: 'duel-3',
      wanted: '2.0',
      loaded: '2.0',
      files: '2.0',
      proves: true,
      mismatch: '',
      reason: '',
      image: NEW_IMAGE,
      runningImage: NEW_IMAGE,
      restarts: 1,
      mainRestarts: 0,
    });
  });

  test('counts the restarts of the containers of the template, and none that others have put into its pod', () => {
    const { containers } = anUpdatedServer({ ordinal: 3, mainStatus: { restartCount: 2 } });
    const mesh = { name: 'mesh', image: 'mesh.test/proxy:1', status: { ...containers[0]!.status!, restartCount: 40 } };
    expect(row({}, { containers: [mesh, ...containers] })).toMatchObject({ restarts: 1, mainRestarts: 2 });
  });

  test('that Kruise has not moved is behind, with the version that it runs', () => {
    const old = { files: wrong('1.0'), loaded: wrong('1.0') };
    expect(row(old, { sidecarImage: OLD_IMAGE })).toMatchObject({ proves: false, mismatch: 'behind', reason: '1.0' });
  });

  test('that follows a template which the release does not know is ahead', () => {
    const moved = row({ loaded: wrong('3.0') }, { sidecarImage: OTHER_IMAGE }, aFrame({ templateImage: OTHER_IMAGE }));
    expect(moved).toMatchObject({ mismatch: 'ahead', reason: '3.0' });
  });

  test('whose GameServer overrides the image mismatches even when it happens to be the right one', () => {
    const kept = row({ override: NEW_IMAGE });
    expect(kept).toMatchObject({ mismatch: 'override', proves: true, override: NEW_IMAGE });
    expect(row({ override: NEW_IMAGE, loaded: wrong('1.0') })).toMatchObject({ mismatch: 'not loaded' });
    const other = row({ override: OLD_IMAGE, loaded: wrong('1.0') }, { sidecarImage: OLD_IMAGE });
    expect(other.reason).toBe(`its GameServer asks for ${OLD_IMAGE}, which wins over the template; runs 1.0`);
  });

  test('with the new files and the old version in its engine has not loaded them, as after a crash of the engine', () => {
    const crashed = row({ loaded: wrong('1.0') }, { sidecarStatus: { restartCount: 4 } });
    expect(crashed).toMatchObject({
      mismatch: 'not loaded',
      reason: 'runs 1.0, files 2.0',
      restarts: 4,
      proves: false,
    });
  });

  test('with wrong files is a mismatch of files, whatever its engine has loaded', () => {
    expect(row({ files: wrong('1.0') })).toMatchObject({ mismatch: 'files', proves: true });
    expect(row({ files: wrong('1.0'), loaded: wrong('1.0') })).toMatchObject({
      mismatch: 'files',
      reason: 'runs 1.0, files 1.0',
    });
  });

  test('whose files are wrong without naming a version says what is wrong with them', () => {
    const files: Heard = { kind: 'wrong', version: '', reason: 'files of SHA256SUMS in engine: game.js: FAILED' };
    expect(row({ files })).toMatchObject({ mismatch: 'files', reason: files.reason, proves: true });
    expect(row({ files, loaded: wrong('1.0') }).reason).toBe('runs 1.0, files wrong');
  });

  test('whose sidecar crashes is unready, and its engine may still prove the version', () => {
    const crash = { state: 'waiting', reason: 'CrashLoopBackOff', ready: false } as const;
    expect(row({ files: silent }, { ready: false, sidecarStatus: crash })).toMatchObject({
      mismatch: 'unready',
      reason: 'container scripts is CrashLoopBackOff; runs 2.0',
      proves: true,
    });
  });

  test('that does not answer is unknown, with the reason', () => {
    expect(row({ loaded: silent })).toMatchObject({ mismatch: 'unknown', reason: silent.reason, proves: false });
    expect(row({ loaded: undefined })).toMatchObject({ mismatch: 'unknown', reason: 'not asked: a test asks nobody' });
  });

  test('without a pod is missing', () => {
    const gone = auditRow(aFrame(), { name: 'duel-3' });
    expect(gone).toMatchObject({ mismatch: 'missing', reason: 'it has no pod', proves: false, uid: '' });
  });

  test.each([
    ['the version', right('2.0'), NEW_IMAGE, '', ''],
    ['the old version', wrong('1.0'), OLD_IMAGE, 'behind', '1.0; its pod was made after the release'],
  ])('that was recreated after the release and came back on %s is told from one that went through it', (...facts) => {
    const [, loaded, sidecarImage, mismatch, reason] = facts;
    const back = row({ loaded }, { sidecarImage, createdAt: FINISHED + 1 });
    expect(back).toMatchObject({ mismatch, reason });
  });
});

describe('the expectedVersion', () => {
  test('is the running release before the last one, and a release file before both', () => {
    expect(measureOf({ running, last, unreadable: [] }, undefined, undefined)?.expectedVersion).toMatchObject({
      source: 'running release',
      version: '3.0',
      previousVersion: '2.0',
    });
    expect(anExpectedVersion()).toMatchObject({ source: 'last release', version: '2.0' });
    expect(measureOf({ unreadable: [] }, undefined, undefined)).toBeUndefined();
  });

  test('of a rolled-back release is the old version', () => {
    const back = anExpectedVersion({
      outcome: 'rolled-back',
      image: OLD_IMAGE,
      version: '1.0',
      previousVersion: '2.0',
    });
    expect(wantedOf(back, anUpdatedServer())).toEqual({ version: '1.0', image: OLD_IMAGE });
  });

  test('with a version of its own judges no images', () => {
    const { expectedVersion } = measureOf({ last, unreadable: [] }, undefined, '1.0')!;
    const kept = row(
      { files: right('1.0'), loaded: right('1.0') },
      { sidecarImage: OLD_IMAGE },
      aFrame({ expectedVersion }),
    );
    expect(kept).toMatchObject({ wanted: '1.0', mismatch: '' });
  });
});

describe('several versions side by side', () => {
  const expectedVersion = anExpectedVersion({ strategy: 'newServersOnly' });

  test('are no mismatch where only new servers were to get the new one', () => {
    const frame = aFrame({ expectedVersion, replicas: 5 });
    const rows = [0, 1, 2, 3, 4].map((ordinal) =>
      ordinal < 3
        ? auditRow(frame, { name: `duel-${ordinal}`, pod: aServer({ ordinal }), loaded: right('1.0') })
        : row({}, { ordinal, createdAt: FINISHED + 5_000 }, frame),
    );
    expect(rows.map(({ wanted }) => wanted)).toEqual(['1.0', '1.0', '1.0', '2.0', '2.0']);
    expect(rows.map(({ mismatch }) => mismatch)).toEqual(['', '', '', '', '']);
    expect(verdictOf(frame, rows)).toMatchObject({
      verified: true,
      summary: '3 of 3 servers on 1.0, 2 of 2 on 2.0 (newServersOnly)',
      versions: { '1.0': 3, '2.0': 2 },
    });
  });

  test('are one when an old server moved, or a new one came up on the old version', () => {
    const moved = row({ loaded: wrong('2.0') }, {}, aFrame({ expectedVersion }));
    expect(moved).toMatchObject({ wanted: '1.0', mismatch: 'ahead', reason: '2.0' });
    const made = { sidecarImage: OLD_IMAGE, createdAt: STARTED + 1 };
    expect(row({ loaded: wrong('1.0') }, made, aFrame({ expectedVersion }))).toMatchObject({
      wanted: '2.0',
      mismatch: 'behind',
    });
  });

  test('are no mismatch where a release for new servers was taken back after some had come', () => {
    const back = { outcome: 'rolled-back', image: OLD_IMAGE, version: '1.0', previousImage: NEW_IMAGE } as const;
    const frame = aFrame({
      expectedVersion: anExpectedVersion({ ...back, previousVersion: '2.0', strategy: 'newServersOnly' }),
      templateImage: OLD_IMAGE,
    });
    expect(row({}, { createdAt: STARTED + 1 }, frame)).toMatchObject({ wanted: '2.0', mismatch: '', proves: true });
    const old = auditRow(frame, { name: 'duel-0', pod: aServer(), loaded: right('1.0') });
    expect(old).toMatchObject({ wanted: '1.0', mismatch: '' });
  });

  test('are no mismatch where a targeted release gave some servers an image of their own', () => {
    const frame = aFrame({
      expectedVersion: anExpectedVersion({ strategy: 'targeted' }),
      templateImage: OLD_IMAGE,
      replicas: 2,
    });
    const chosen = row({ override: NEW_IMAGE }, {}, frame);
    const other = auditRow(frame, { name: 'duel-0', pod: aServer(), loaded: right('1.0') });
    expect([chosen.mismatch, other.mismatch]).toEqual(['', '']);
    expect(verdictOf(frame, [other, chosen]).verified).toBe(true);
  });

  test('are one when a chosen server has lost its override together with its pod', () => {
    const frame = aFrame({
      expectedVersion: anExpectedVersion({ strategy: 'targeted', chosen: '1,3-5' }),
      templateImage: OLD_IMAGE,
    });
    const lost = row({ loaded: wrong('1.0') }, { sidecarImage: OLD_IMAGE }, frame);
    expect(lost).toMatchObject({ server: 'duel-3', wanted: '2.0', mismatch: 'behind', reason: '1.0' });
    const other = auditRow(frame, { name: 'duel-2', pod: aServer({ ordinal: 2 }), loaded: right('1.0') });
    expect(other.mismatch).toBe('');
  });
});

describe('the verdict', () => {
  const frame = aFrame({ replicas: 12 });
  const good = Array.from({ length: 10 }, (_, ordinal) => row({}, { ordinal }));
  const behind = auditRow(frame, { name: 'duel-10', pod: aServer({ ordinal: 10 }), loaded: wrong('1.0') });
  const notLoaded = row({ loaded: wrong('1.0') }, { ordinal: 11 });

  test('says first how many servers are on the version, and names the others with the reason', () => {
    expect(verdictOf(frame, [...good, behind, notLoaded])).toMatchObject({
      verified: false,
      summary: '10 of 12 servers on 2.0; 2 not: duel-10 (1.0), duel-11 (not loaded: runs 1.0, files 2.0)',
      mismatches: { behind: 1, 'not loaded': 1 },
    });
  });

  test('is met only when every server that should exist proves its version', () => {
    expect(verdictOf({ ...frame, replicas: 10 }, good)).toMatchObject({
      verified: true,
      summary: '10 of 10 servers on 2.0',
    });
    const less = verdictOf(frame, good);
    expect(less).toMatchObject({ verified: false, summary: '10 of 10 servers on 2.0; 2 of 12 servers do not exist' });
    expect(verdictOf({ ...frame, replicas: 0 }, [])).toMatchObject({
      verified: false,
      summary: 'the set has no servers',
    });
  });

  test.each<[string, Partial<FoundServer>, ServerWishes, string]>([
    ['an override that it did not need', { override: NEW_IMAGE }, {}, 'override: its GameServer asks for '],
    ['the image before', {}, { sidecarImage: OLD_IMAGE }, `behind: asks for ${OLD_IMAGE}`],
    ['the files before', { files: wrong('1.0') }, {}, 'files: files 1.0, though 2.0 is loaded'],
    ['a sidecar that is not Ready', {}, { ready: false }, 'unready: its pod is not Ready; runs 2.0'],
  ])('is not met by a server that proves its version and has %s, and names it', (_what, change, wishes, reason) => {
    const verdict = verdictOf({ ...frame, replicas: 1 }, [row(change, wishes)]);
    expect(verdict).toMatchObject({ verified: false, proved: 1 });
    expect(verdict.summary.startsWith(`1 of 1 server on 2.0; 1 mismatching: duel-3 (${reason}`)).toBe(true);
  });

  test('stays one readable line when hundreds of servers are wrong', () => {
    const many = Array.from({ length: 300 }, (_, ordinal) => row({ loaded: wrong('1.0') }, { ordinal }));
    const { summary } = verdictOf(frame, many);
    expect(summary).toMatch(/ and 295 more$/);
    expect(summary.length).toBeLessThan(400);
  });
});

describe('an audit as it travels', () => {
  const long = 'x'.repeat(200);

  function rows(count: number): AuditRow[] {
    return Array.from({ length: count }, (_, ordinal) =>
      row(
        { loaded: ordinal % 2 === 0 ? right('2.0') : wrong(long.slice(0, 120)), override: `registry.test/${long}:3.0` },
        { name: `a-rather-long-name-of-a-game-server-set-${ordinal}`, ordinal },
      ),
    );
  }

  test('of 1,000 servers fits below the 2 MB of a Temporal payload, complete, however long its texts are', () => {
    const audit = auditOf(aFrame(), rows(1_000));
    expect(audit).toMatchObject({ omitted: 0, servers: 1_000 });
    expect(JSON.stringify(audit).length).toBeLessThan(2_000_000);
  });

  test('of 10,000 servers fits too, counts all of them and keeps those that matter', () => {
    const plain = Array.from({ length: 9_990 }, (_, ordinal) => row({}, { ordinal }));
    const audit = auditOf(aFrame(), [...plain, ...rows(10)]);
    expect(JSON.stringify(audit).length).toBeLessThan(2_000_000);
    expect(audit.servers).toBe(10_000);
    expect(audit.rows.length + audit.omitted).toBe(10_000);
    expect(audit.rows.filter(({ mismatch }) => mismatch !== '')).toHaveLength(10);
  });
});

test.each([
  ['v2.0', '{{version}}', 'v2.0'],
  ['scripts v2.0 ok', 'scripts {{version}} ok', 'v2.0'],
  ['starting', 'scripts {{version}} ok', 'starting'],
  ['yes', 'yes', 'yes'],
])('the answer %j to the expectation %j names %j', (answer, expectation, version) => {
  expect(versionIn(answer, expectation)).toBe(version);
});
