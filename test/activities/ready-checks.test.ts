import { expect, test } from 'vitest';
import { ReadyChecks } from '../../activities/servers/ready-checks.ts';
import type { ReadyCheck } from '../../activities/servers/ready-checks.ts';
import { aServer } from '../support/builders.ts';

/** Checks of servers 0, 1, 2 ... with what each answers. */
function checksOf(answers: readonly (string | Error | undefined)[]): ReadyChecks {
  const check: ReadyCheck = ({ ordinal }) => {
    const answer = answers[ordinal];
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve(answer === undefined ? undefined : { class: 'content', reason: answer });
  };
  const checks = new ReadyChecks(check);
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

test('a check that could not be made is trouble and no failure of the server', async () => {
  const checks = checksOf([undefined, new Error('the API server is away')]);
  await expect(checks.settle()).rejects.toThrow('the API server is away');
  expect(checks.failures).toEqual([]);
  expect(() => checks.throwIfInTrouble()).toThrow('the API server is away');
});
