import { expect, test } from 'vitest';
import { readAuditHead } from '../../activities/audit/read-audit.ts';
import { LAST_RELEASE_ANNOTATION, recordText } from '../../release/record/record.ts';
import { until } from '../lab/until.ts';
import { inActivity } from '../support/activity-context.ts';
import { NEW_IMAGE, OLD_IMAGE, SET, SIDECAR } from '../support/builders.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';
import type { AuditHead } from '../../activities/audit/read-audit.ts';

function released(replicas: number): FakeCluster {
  const last = {
    v: 1,
    release: 'scripts-2-0',
    strategy: 'rolling',
    outcome: 'done',
    container: SIDECAR,
    image: NEW_IMAGE,
    version: '2.0',
    previousImage: OLD_IMAGE,
    previousVersion: '1.0',
    startedAt: 0,
    finishedAt: 0,
    how: { noAsk: 'a test asks nobody' },
  } as const;
  const annotations = { [LAST_RELEASE_ANNOTATION]: recordText(last) };
  return fakeCluster({ sets: [{ replicas, annotations, reclaimPolicy: 'Delete' }] });
}

async function namesIn(cluster: FakeCluster): Promise<readonly string[]> {
  const { result } = await inActivity<AuditHead>(() => readAuditHead(cluster)({ set: SET }));
  if (result.kind !== 'found') throw new Error(result.reason);
  return result.names;
}

test('a GameServer that a smaller set has excluded is no server', async () => {
  const cluster = released(4);
  const before = [...cluster.set().gameServers];
  cluster.edit('hpa', ({ spec }) => {
    spec.replicas = 2;
  });
  await until({ what: 'two pods', deadlineMs: 2_000, everyMs: 5 }, () => cluster.set().servers.size === 2);
  // The garbage collector takes its time.
  for (const [name, gameServer] of before) cluster.set().gameServers.set(name, gameServer);
  expect(await namesIn(cluster)).toEqual(['duel-0', 'duel-1']);
});

test('a GameServer whose pod is missing is a server', async () => {
  const cluster = released(3);
  cluster.set().remove('duel-1');
  expect(await namesIn(cluster)).toEqual(['duel-0', 'duel-1', 'duel-2']);
});
