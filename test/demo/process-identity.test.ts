import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { identityByPs, identityOf } from '../lab/process-identity.ts';

test('without /proc, ps tells a process that runs from one that is gone, and always in the same words', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()']);
  await once(child, 'spawn');
  const pid = child.pid!;
  const [first, second] = [identityByPs(pid), identityByPs(pid)];
  expect(first).toEqual({ pid, startTime: expect.stringMatching(/\d\d:\d\d:\d\d \d{4}$/) as string });
  expect(second).toEqual(first);
  expect(identityOf(pid)?.pid).toBe(pid);
  child.kill();
  await once(child, 'exit');
  expect(identityByPs(pid)).toBeUndefined();
});
