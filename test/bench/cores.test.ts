import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { coreOf, coresIn, findCores } from '../lab/cores.ts';
import { Supervisor } from '../lab/process.ts';

const status = (cores: string): string =>
  `Name:\tnode\nCpus_allowed:\t3\nCpus_allowed_list:\t${cores}\nMems_allowed:\t1\n`;

test.for([
  ['0-1', 0, 1],
  ['0-63', 0, 1],
  ['2,5-7', 2, 5],
  ['4-5,9', 4, 5],
] as const)('of the cores %s the first two are taken', ([list, controlPlane, others]) => {
  expect(coresIn(status(list))).toEqual({ controlPlane, others });
});

test('with one core nothing can be pinned', () => {
  expect(coresIn(status('3'))).toEqual({ reason: 'there is one core only' });
});

test('of the programs of a lab only Temporal is not of the control plane', () => {
  const cores = { controlPlane: 0, others: 1 };
  expect(['etcd', 'kwok', 'fleet-engine'].map((name) => coreOf(cores, name))).toEqual([0, 0, 0]);
  expect(coreOf(cores, 'temporal')).toBe(1);
});

test('a program stays on its core, and is there again when it is started again', async ({ skip }) => {
  const cores = await findCores();
  if ('reason' in cores) return skip(cores.reason);
  const directory = mkdtempSync(join(tmpdir(), 'hotwave-cores-'));
  const supervisor = new Supervisor(directory, cores);
  const coresOf = (pid: number): string | undefined =>
    /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const onItsCore = async (pid: number, core: number): Promise<void> => {
    await expect.poll(() => coresOf(pid)).toBe(String(core));
  };
  try {
    const sleep = { command: 'sleep', args: ['60'] };
    await onItsCore((await supervisor.start({ name: 'etcd', ...sleep })).pid, cores.controlPlane);
    await onItsCore((await supervisor.start({ name: 'temporal', ...sleep })).pid, cores.others);
    await supervisor.stop('etcd');
    await onItsCore((await supervisor.startAgain('etcd')).pid, cores.controlPlane);
  } finally {
    await supervisor.stopAll();
    rmSync(directory, { recursive: true });
  }
});
