import { describe, expect, test } from 'vitest';
import type { ServerView } from '../../release/fleet/fleet.ts';
import type { MonitorFinding, MonitorState } from '../../release/monitor/monitor.ts';
import {
  MOST_RELOADS,
  dueServers,
  endMonitor,
  newMonitor,
  nextDue,
  withChanges,
  withFindings,
  withTrouble,
} from '../../release/monitor/monitor.ts';
import type { MonitorChange, MonitorLook, MonitorMemory } from '../../release/monitor/monitor-watch.ts';
import { changesSince, monitorEnd, memoryOf } from '../../release/monitor/monitor-watch.ts';
import { monitorMarkdown, monitorWhy } from '../../release/narrate/narrate-monitor.ts';
import type { LastRelease, ReleaseRecord } from '../../release/record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, recordText } from '../../release/record/record.ts';
import {
  MAIN,
  NEW_IMAGE,
  OLD_IMAGE,
  SET,
  SIDECAR,
  USER_STRATEGY,
  aGameServer,
  aServer,
  aSet,
  anUpdatedServer,
} from '../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const INTERVAL = 10_000;

const guarded: LastRelease = {
  v: 1,
  release: 'scripts-2-0',
  strategy: 'rolling',
  container: SIDECAR,
  outcome: 'done',
  image: NEW_IMAGE,
  version: '2.0',
  previousImage: OLD_IMAGE,
  previousVersion: '1.0',
  startedAt: NOW - 60_000,
  finishedAt: NOW - 1_000,
  how: { noAsk: 'a test asks nobody' },
};

const POINTER = '/spec/gameServerTemplate/spec/containers/1/image';
const set = aSet({
  containers: [
    { name: MAIN, image: 'registry.test/engine:1.0' },
    { name: SIDECAR, image: NEW_IMAGE },
  ],
});
const fleet = [0, 1, 2].map((ordinal) => anUpdatedServer({ ordinal }));
const look = (change: Partial<MonitorLook> = {}): MonitorLook => ({
  set,
  servers: fleet,
  gameServers: [0, 1, 2].map((ordinal) => aGameServer({ ordinal })),
  ...change,
});

/** The report of a monitor that knew the fleet before, about the fleet as it is. */
function seen(
  now: Partial<MonitorLook>,
  memory: MonitorMemory = memoryOf(look(), SIDECAR),
  at = NOW,
): readonly MonitorChange[] {
  return changesSince(memory, look(now), SIDECAR, at).changes;
}

const withServer = (server: ServerView): Partial<MonitorLook> => ({
  servers: [...fleet.slice(0, 2), server],
});

test('a container that others have put into a pod is nobody of a monitor', () => {
  const [first] = fleet;
  const meshed = (restartCount: number, image: string): ServerView => {
    const status = {
      ...first!.containers[0]!.status!,
      image,
      restartCount,
      containerId: `containerd://mesh-${restartCount}`,
    };
    return { ...first!, containers: [{ name: 'mesh', image, status }, ...first!.containers] };
  };
  const seen = (server: ServerView): MonitorLook => look({ servers: [server, ...fleet.slice(1)] });
  const memory = memoryOf(seen(meshed(0, 'mesh:1')), SIDECAR);
  for (const next of [meshed(7, 'mesh:1'), meshed(1, 'mesh:2'), first!])
    expect(changesSince(memory, seen(next), SIDECAR, NOW).changes).toEqual([]);
});

describe('a monitor notices', () => {
  test('nothing when nothing has changed', () => {
    expect(seen({})).toEqual([]);
  });

  test.each<[string, Partial<MonitorLook>, Partial<MonitorChange>]>([
    [
      'a crash of the sidecar',
      withServer(anUpdatedServer({ ordinal: 2, sidecarStatus: { restartCount: 2 } })),
      { kind: 'crashed', server: 'duel-2', text: 'container scripts was started again (restart count 2)' },
    ],
    [
      'a restart of the main container',
      withServer(anUpdatedServer({ ordinal: 2, mainStatus: { restartCount: 1 } })),
      { kind: 'restarted', server: 'duel-2', text: 'container engine was started again (restart count 1)' },
    ],
    ['a recreated pod', withServer(anUpdatedServer({ ordinal: 2, uid: 'another' })), { kind: 'recreated' }],
    ['a new server', { servers: [...fleet, anUpdatedServer({ ordinal: 3 })] }, { kind: 'appeared', server: 'duel-3' }],
    ['a server that is gone', { servers: fleet.slice(0, 2) }, { kind: 'gone', server: 'duel-2' }],
    [
      'who changed the image in the template',
      {
        set: {
          ...set,
          containers: [set.containers[0]!, { name: SIDECAR, image: OLD_IMAGE }],
          lastWriters: { [POINTER]: 'ann' },
        },
      },
      { kind: 'edited', text: `the template's image of scripts was changed to ${OLD_IMAGE} by ann` },
    ],
    [
      'who changed the strategy',
      { set: { ...set, updateStrategy: { type: 'OnDelete' }, lastWriters: { '/spec/updateStrategy': 'argocd' } } },
      { kind: 'edited', text: 'updateStrategy was changed by argocd' },
    ],
    [
      'who gave a server an image of its own',
      { gameServers: [aGameServer({ ordinal: 0, imageOverrides: { [SIDECAR]: OLD_IMAGE }, overriddenBy: 'bob' })] },
      { kind: 'edited', server: 'duel-0', text: `its GameServer was given image ${OLD_IMAGE} by bob` },
    ],
  ])('%s', (_what, now, change) => {
    expect(seen(now)).toMatchObject([change]);
  });

  test('an override that is taken away', () => {
    const overridden = look({ gameServers: [aGameServer({ ordinal: 0, imageOverrides: { [SIDECAR]: OLD_IMAGE } })] });
    expect(seen({}, memoryOf(overridden, SIDECAR))).toMatchObject([
      { kind: 'edited', server: 'duel-0', text: 'its image override was taken away' },
    ]);
  });

  test('no crash in the first start of a new pod', () => {
    const starting = { ...anUpdatedServer({ ordinal: 3 }), containers: [{ name: SIDECAR, image: NEW_IMAGE }] };
    const first = changesSince(memoryOf(look(), SIDECAR), look({ servers: [...fleet, starting] }), SIDECAR, NOW);
    expect(first.changes).toMatchObject([{ kind: 'appeared' }]);
    expect(
      seen({ servers: [...fleet, anUpdatedServer({ ordinal: 3, sidecarStatus: { restartCount: 0 } })] }, first.memory),
    ).toEqual([]);
  });

  test.each([
    [
      'was recreated, when it is back within five minutes',
      299_000,
      { kind: 'recreated', text: 'its pod was recreated' },
    ],
    ['is new, when it comes later', 301_000, { kind: 'appeared', text: 'it is new' }],
  ])('that a server whose pod was away for a while %s', (_when, away, change) => {
    const without = look({ servers: fleet.slice(0, 2) });
    const first = changesSince(memoryOf(look(), SIDECAR), without, SIDECAR, NOW);
    expect(first.changes).toMatchObject([{ kind: 'gone', server: 'duel-2' }]);
    const still = changesSince(first.memory, without, SIDECAR, NOW + 1_000);
    expect(still.changes).toEqual([]);

    const back = changesSince(still.memory, look(), SIDECAR, NOW + away);

    expect(back.changes).toMatchObject([{ ...change, server: 'duel-2' }]);
    expect(changesSince(back.memory, look(), SIDECAR, NOW + away).changes).toEqual([]);
    expect(back.memory.gone).toBeUndefined();
  });

  test('thousands of changes at once in several reports, and loses none', () => {
    const many = Array.from({ length: 2_500 }, (_, ordinal) => aServer({ ordinal }));
    let memory = memoryOf(look({ servers: many }), SIDECAR);
    const after = look({ servers: many.map((server) => ({ ...server, uid: `new-${server.ordinal}` })) });
    const reported = new Set<string>();
    for (let round = 0; round < 3; round++) {
      const { changes, memory: next } = changesSince(memory, after, SIDECAR, NOW);
      expect(changes.length).toBeLessThanOrEqual(1_000);
      for (const { server } of changes) reported.add(server!);
      memory = next;
    }
    expect(reported.size).toBe(2_500);
    expect(changesSince(memory, after, SIDECAR, NOW).changes).toEqual([]);
  });
});

test('what a monitor remembers of 10,000 servers is small enough to be passed on', () => {
  const many = Array.from({ length: 10_000 }, (_, ordinal) => aServer({ ordinal }));
  expect(JSON.stringify(memoryOf(look({ servers: many }), SIDECAR)).length).toBeLessThan(700_000);
});

describe('a monitor ends', () => {
  const last = (change: Partial<LastRelease> = {}): Record<string, string> => ({
    [LAST_RELEASE_ANNOTATION]: recordText({ ...guarded, ...change }),
  });
  const running: ReleaseRecord = {
    v: 1,
    release: 'scripts-3-0',
    strategy: 'rolling',
    container: SIDECAR,
    oldImage: NEW_IMAGE,
    newImage: 'registry.test/scripts:3.0',
    oldVersion: '2.0',
    newVersion: '3.0',
    updateStrategy: USER_STRATEGY,
    startedAt: NOW,
    how: guarded.how,
  };

  test.each<[string, ReturnType<typeof aSet> | undefined, string | undefined]>([
    ['not while its own release is the last one', aSet({ annotations: last() }), undefined],
    ['not because somebody deleted the annotation', aSet(), undefined],
    [
      'when another release begins',
      aSet({ annotations: { ...last(), [RELEASE_ANNOTATION]: recordText(running) } }),
      'release scripts-3-0 has begun',
    ],
    [
      'when another one has ended between two looks',
      aSet({ annotations: last({ release: 'scripts-3-0', finishedAt: NOW + 1 }) }),
      'release scripts-3-0 has ended meanwhile (done)',
    ],
    ['when the set is gone', undefined, 'the GameServerSet is deleted'],
  ])('%s', (_when, live, reason) => {
    expect(monitorEnd({ set: live }, guarded)).toBe(reason);
  });
});

describe('a problem', () => {
  const crashed: MonitorChange = { kind: 'crashed', server: 'duel-2', text: 'container scripts was started again' };

  function aMonitor(changes: readonly MonitorChange[] = [crashed]): MonitorState {
    const identity = { release: 'scripts-2-0', cluster: 'default', set: SET, image: NEW_IMAGE, version: '2.0' };
    const fresh = newMonitor({ ...identity, requester: 'ann', until: NOW + 86_400_000, interval: INTERVAL }, NOW);
    return withChanges(fresh, { changes, servers: 3 }, NOW);
  }

  const finding = (change: Partial<MonitorFinding> = {}): MonitorFinding => ({
    server: 'duel-2',
    proves: true,
    mismatch: '',
    reason: '',
    wanted: '2.0',
    loaded: '2.0',
    reloaded: false,
    ...change,
  });
  const notLoaded = finding({ proves: false, mismatch: 'not loaded', reason: 'runs 1.0, files 2.0', loaded: '1.0' });

  test('is looked at at once, and is over when the server proves its version', () => {
    const state = aMonitor();
    expect(dueServers(state, NOW, 250)).toEqual([{ server: 'duel-2', mayReload: true }]);
    const after = withFindings(state, [finding()], NOW + 12_000);
    expect(after.problems).toEqual([]);
    expect(nextDue(after)).toBeUndefined();
    expect(after.events.at(-1)).toMatchObject({
      kind: 'proved',
      server: 'duel-2',
      text: 'proves 2.0, 12s after: container scripts was started again',
    });
    expect(after.counts).toMatchObject({ crashed: 1, proved: 1, repaired: 0, reloads: 0 });
  });

  test('that a reload mended is told as such', () => {
    const after = withFindings(aMonitor(), [finding({ reloaded: true })], NOW + 3_000);
    expect(after.events.at(-1)).toMatchObject({
      kind: 'repaired',
      text: 'its engine was made to reload and proves 2.0, 3s after: container scripts was started again',
    });
    expect(after.counts).toMatchObject({ repaired: 1, reloads: 1 });
  });

  test('that lasts is looked at with longer and longer pauses, and said once', () => {
    let state = aMonitor();
    const pauses: number[] = [];
    for (let now = NOW; pauses.length < 8; now = nextDue(state)!) {
      state = withFindings(state, [finding({ proves: true, mismatch: 'unready', reason: 'CrashLoopBackOff' })], now);
      pauses.push((nextDue(state)! - now) / 1_000);
    }
    expect(pauses).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
    expect(state.events.filter(({ kind }) => kind === 'failed')).toMatchObject([{ text: 'unready: CrashLoopBackOff' }]);
  });

  test('that reloads do not mend is left to a person, but still looked at', () => {
    let state = aMonitor();
    for (let now = NOW, times = 0; times < MOST_RELOADS; times++, now = nextDue(state)!) {
      expect(dueServers(state, now, 250)).toEqual([{ server: 'duel-2', mayReload: true }]);
      state = withFindings(state, [{ ...notLoaded, reloaded: true }], now);
    }
    expect(dueServers(state, nextDue(state)!, 250)).toEqual([{ server: 'duel-2', mayReload: false }]);
    expect(state.events.at(-1)?.text).toBe(
      'not loaded: runs 1.0, files 2.0; 3 reloads did not help, a person has to look',
    );
    expect(withFindings(state, [finding()], NOW + 900_000).problems).toEqual([]);
  });

  test('of a server that crashes again begins anew', () => {
    const worn = withFindings(aMonitor(), [{ ...notLoaded, reloaded: true }], NOW);
    const again = withChanges(worn, { changes: [crashed], servers: 3 }, NOW + 5_000);
    expect(again.problems).toMatchObject([{ server: 'duel-2', since: NOW, reloads: 0, nextAt: NOW + 5_000 }]);
  });

  test('is over when its server is gone', () => {
    const gone = withChanges(aMonitor(), { changes: [{ kind: 'gone', server: 'duel-2', text: '' }], servers: 2 }, NOW);
    expect(gone.problems).toEqual([]);
  });

  test('keeps the state bounded, however many servers are wrong and however often', () => {
    let state = aMonitor([]);
    for (let round = 0; round < 5; round++) {
      const changes = Array.from({ length: 3_000 }, (_, index) => ({ ...crashed, server: `duel-${index}` }));
      state = withChanges(state, { changes, servers: 3_000 }, NOW + round);
    }
    expect(state.counts.crashed).toBe(15_000);
    expect(state.problems).toHaveLength(1_000);
    expect(state.events).toHaveLength(100);
    expect(JSON.stringify(state).length).toBeLessThan(400_000);
    expect(dueServers(state, NOW + 10, 250)).toHaveLength(250);
  });

  test('is in the first line, in the details, and never breaks their markup', () => {
    const state = withFindings(aMonitor(), [{ ...notLoaded, reason: 'runs <b>|x|</b>` `' }], NOW);
    expect(monitorWhy(state, NOW)).toBe('watches 2.0 on 3 servers for another 24h; 1 server is not proved');
    const details = monitorMarkdown(state, NOW);
    expect(details).toContain('not loaded: runs &lt;b\\>\\|x\\|&lt;/b\\>');
    expect(details.length).toBeLessThan(4_000);
    expect(monitorWhy(endMonitor(state, 'stopped by ann', NOW), NOW)).toBe('ended: stopped by ann');
  });

  test('of looking at all is said once until it changes', () => {
    const twice = withTrouble(withTrouble(aMonitor(), 'connection refused', NOW), 'connection refused', NOW + 1);
    expect(twice.events.filter(({ kind }) => kind === 'trouble')).toHaveLength(1);
  });
});
