import { expect, test } from 'vitest';
import { changePriorities } from '../../activities/game-servers/change-priorities.ts';
import type { ChangePrioritiesInput } from '../../activities/game-servers/change-priorities.ts';
import type { GameServers } from '../../activities/ports/game-servers.ts';
import type { Servers } from '../../activities/ports/servers.ts';
import { packPriorities } from '../../release/plan/packed-plan.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { inActivity } from '../support/activity-context.ts';
import { SET } from '../support/builders.ts';
import { DENIED, denying } from '../support/denying.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import type { FakeCluster } from '../support/fake-cluster.ts';

const CHANGES = packPriorities([1, 2, 3].map((ordinal) => ({ name: `duel-${ordinal}`, from: 0, to: 10 })));

function prioritiesOf(cluster: FakeCluster): readonly (number | string)[] {
  return [...cluster.set().gameServers.values()].slice(0, 5).map(({ spec }) => spec.updatePriority);
}

async function change(
  cluster: Servers & GameServers,
  direction: ChangePrioritiesInput['direction'],
): Promise<StepReport> {
  const input = { set: SET, changes: CHANGES, direction, token: 'scripts-2-0', deadline: Date.now() + 10_000 };
  return (await inActivity(() => changePriorities(cluster)(input))).result;
}

test('priorities are given to the servers that are named, and put back', async () => {
  const cluster = fakeCluster();
  expect(await change(cluster, 'assign')).toMatchObject({ passed: 3, failures: [] });
  expect(prioritiesOf(cluster)).toEqual([0, 10, 10, 10, 0]);
  expect(await change(cluster, 'restore')).toMatchObject({ passed: 3, failures: [] });
  expect(prioritiesOf(cluster)).toEqual([0, 0, 0, 0, 0]);
});

test.each(['assign', 'restore'] as const)(
  'a webhook that refuses a write is quoted at once, and not asked again and again (%s)',
  async (direction) => {
    const cluster = fakeCluster();
    if (direction === 'restore') await change(cluster, 'assign');
    const before = cluster.log.length;
    const { passed, failures } = await change(denying(cluster, 'duel-2'), direction);
    const reason = `the API server refuses the write of GameServer duel-2: ${DENIED}`;
    expect({ passed, failures }).toEqual({ passed: 2, failures: [{ server: 'duel-2', class: 'notReady', reason }] });
    expect(cluster.log.slice(before).filter(({ kind }) => kind === 'patch')).toHaveLength(2);
  },
);

test('a write that an older state has undone is written again', async () => {
  const cluster = fakeCluster();
  cluster.loseGameServerWrites(2);
  expect(await change(cluster, 'assign')).toMatchObject({ passed: 3, failures: [] });
  expect(prioritiesOf(cluster)).toEqual([0, 10, 10, 10, 0]);
}, 20_000);

test('a priority that somebody has set since the plan is not written over, and the report says whose it is', async () => {
  const cluster = fakeCluster();
  cluster.editServer('ops-bot', 'duel-2', ({ spec }) => {
    spec.updatePriority = 7;
  });
  const { passed, failures } = await change(cluster, 'assign');
  expect(passed).toBe(2);
  expect(failures).toEqual([
    {
      server: 'duel-2',
      class: 'overridden',
      reason:
        "ops-bot set the updatePriority of duel-2 to 7, which is neither 0 as it was planned nor the release's 10",
    },
  ]);
  expect(prioritiesOf(cluster)).toEqual([0, 10, 7, 10, 0]);
});

test('what somebody has made of a priority meanwhile stays when the others are put back', async () => {
  const cluster = fakeCluster();
  await change(cluster, 'assign');
  cluster.editServer('ops-bot', 'duel-2', ({ spec }) => {
    spec.updatePriority = 7;
  });
  expect(await change(cluster, 'restore')).toMatchObject({
    passed: 3,
    failures: [],
    observed: ['ops-bot set the updatePriority of duel-2 to 7: it stays'],
  });
  expect(prioritiesOf(cluster)).toEqual([0, 0, 7, 0, 0]);
});

test('each write tests the value that it replaces', async () => {
  const cluster = fakeCluster();
  await change(cluster, 'assign');
  const tested = cluster.log.flatMap((entry) =>
    entry.kind === 'patch' ? entry.patch.preconditions.filter(({ path }) => path === '/spec/updatePriority') : [],
  );
  expect(tested).toEqual(Array(3).fill({ path: '/spec/updatePriority', value: 0 }));
});
