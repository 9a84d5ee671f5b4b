import { expect, test } from 'vitest';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { ReadyChecks } from '../../activities/servers/ready-checks.ts';
import type { ReadyCheck } from '../../activities/servers/ready-checks.ts';
import { aServer } from '../support/builders.ts';

/** Checks of servers 0, 1, 2 ... with what each answers. */
function checksOf(answers: readonly (string | Error | undefined)[], deadline?: number): ReadyChecks {
  const check: ReadyCheck = ({ ordinal }) => {
    const answer = answers[ordinal];
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(answer === undefined ? undefined : { class: 'content', reason: answer });
  };
  const checks = new ReadyChecks(check, deadline);
  for (const ordinal of answers.keys()) {
    const server = aServer({ ordinal });
    checks.start(server, { name: server.name, ordinal, uid: server.uid, containers: {} });
  }
  return checks;
}

test('once settled every server has passed or failed, with its name and reason', async () => {
  const checks = checksOf([undefined, 'the file is old', undefined]);
  await checks.settle();
  expect(checks.passed).toBe(2);
  expect(checks.failures).toEqual([{ server: 'duel-1', class: 'content', reason: 'the file is old' }]);
});

test('a server that cannot be asked although its time is over is not known, and holds nobody up any more', async () => {
  const refused = new ClusterFailure('overloaded', 'the API server answers 503', { retryable: true });
  const checks = checksOf([undefined, refused], Date.now() - 1);
  await checks.settle();
  expect(checks.passed).toBe(1);
  expect(checks.failures).toEqual([
    {
      server: 'duel-1',
      class: 'healthUnknown',
      reason: 'its files could not be asked for: the API server answers 503',
    },
  ]);
});

test.each([
  ['while there is time', Date.now() + 60_000, true],
  ['where another try is of no use', Date.now() - 1, false],
])('a server that cannot be asked is trouble %s', async (_when, deadline, retryable) => {
  const checks = checksOf([new ClusterFailure('forbidden', 'it says no', { retryable })], deadline);
  await expect(checks.settle()).rejects.toThrow('it says no');
});

test('a check that could not be made is trouble and no failure of the server', async () => {
  const checks = checksOf([undefined, new Error('the API server is away')]);
  await expect(checks.settle()).rejects.toThrow('the API server is away');
  expect(checks.failures).toEqual([]);
  expect(() => checks.throwIfInTrouble()).toThrow('the API server is away');
});
