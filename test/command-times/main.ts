import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { execa } from 'execa';
import { open } from '../../client/temporal/connect.ts';
import { createHotwaveWorker } from '../../worker/create-worker.ts';
import { median } from '../bench/statistics.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';
import type { SpecWishes } from '../support/a-release.ts';
import { aRelease, releaseText } from '../support/a-release.ts';
import { fakeCluster } from '../support/fake-cluster.ts';
import { startRelease } from '../support/hotwave.ts';

// `npm run command-times`: how long a person waits for a command, against the budgets of the design. A real Temporal and a
// real worker, on a cluster in memory; the commands are processes. The packed package is dist/, which is built when missing.

const SERVERS = 1_000;
const ROUNDS = 9;
const log = (line: string): void => void process.stderr.write(`command-times: ${line}\n`);
const root = fileURLToPath(new URL('../..', import.meta.url));
const packed = join(root, 'dist', 'bin', 'hotwave.js');

/** A command, and what it may take, in seconds. */
interface Timed {
  readonly argv: readonly string[];
  readonly code: number;
  readonly budget: Readonly<Record<'package' | 'checkout', number>>;
}

const set = (name: string): string => `arena/${name}`;
const COMMANDS: Readonly<Record<string, Timed>> = {
  '--help': { argv: ['--help'], code: 0, budget: { package: 0.1, checkout: 0.15 } },
  'status (running)': { argv: ['status', set('gated')], code: 3, budget: { package: 0.5, checkout: 0.5 } },
  'status (ended)': { argv: ['status', set('done')], code: 0, budget: { package: 0.5, checkout: 0.5 } },
  list: { argv: ['list'], code: 0, budget: { package: 0.5, checkout: 0.5 } },
  [`plan of ${SERVERS} servers`]: { argv: ['plan', 'big.yaml'], code: 0, budget: { package: 2, checkout: 2 } },
};
const WAYS = {
  package: [process.execPath, packed],
  checkout: [join(root, 'bin', 'hotwave')],
} as const;
type Way = keyof typeof WAYS;

if (!existsSync(packed))
  await execa(process.execPath, ['scripts/build.ts'], { cwd: root, preferLocal: true, stderr: 'inherit' });
const folder = await mkdtemp(join(tmpdir(), 'hotwave-command-times-'));
const temporal = await startTemporalLab(log);
const [native, connection] = await Promise.all([
  NativeConnection.connect({ address: temporal.address }),
  open({ address: temporal.address }),
]);
const sets = { gated: 10, done: 10, big: SERVERS };
const cluster = fakeCluster({
  sets: Object.entries(sets).map(([name, replicas]) => ({ ref: { namespace: 'arena', name }, replicas })),
});
const worker = await createHotwaveWorker({ connection: native, clusterName: 'default', cluster });
const running = worker.run();
try {
  const client = new Client({ connection });
  const to = (name: string): SpecWishes => ({ target: { namespace: 'arena', gameServerSet: name }, name });
  const gated = aRelease({ ...to('gated'), gates: [{ before: 2 }] });
  const release = await startRelease(client, { cluster: 'default', file: gated, requester: 'ann' });
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  await (await startRelease(client, { cluster: 'default', file: aRelease(to('done')), requester: 'ann' })).result();
  await writeFile(join(folder, 'big.yaml'), releaseText(to('big')));
  process.stdout.write(table(await measured()));
} finally {
  worker.shutdown();
  await running;
  await Promise.all([native.close(), connection.close()]);
  await temporal.stop();
  await rm(folder, { recursive: true });
}

type Times = Record<Way, number[]>;

/** Round by round, so that what else the machine does is spread over all. */
async function measured(): Promise<Readonly<Record<string, Times>>> {
  const times: Record<string, Times> = {};
  for (const name of Object.keys(COMMANDS)) times[name] = { package: [], checkout: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, { argv, code }] of Object.entries(COMMANDS)) {
      const seconds = { package: await timed('package', argv, code), checkout: await timed('checkout', argv, code) };
      // The first round fills caches.
      if (round === 0) continue;
      times[name]?.package.push(seconds.package);
      times[name]?.checkout.push(seconds.checkout);
    }
  }
  return times;
}

async function timed(way: Way, argv: readonly string[], code: number): Promise<number> {
  const [program, ...before] = WAYS[way];
  const env = { TEMPORAL_ADDRESS: temporal.address };
  const started = performance.now();
  const { exitCode, stderr } = await execa(program, [...before, ...argv], { cwd: folder, env, reject: false });
  if (exitCode !== code) throw new Error(`hotwave ${argv.join(' ')}: exit code ${exitCode}, not ${code}: ${stderr}`);
  return (performance.now() - started) / 1000;
}

function table(times: Readonly<Record<string, Times>>): string {
  const rows = Object.entries(times).flatMap(([name, byWay]) =>
    (['package', 'checkout'] as const).map((way) => {
      const [middle = NaN, best] = [median(byWay[way]), Math.min(...byWay[way])];
      const { budget } = COMMANDS[name]!;
      const verdict = middle < budget[way] ? 'within' : 'OVER';
      return `| ${name} | ${way} | ${middle.toFixed(2)} | ${best.toFixed(2)} | ${budget[way]} | ${verdict} |`;
    }),
  );
  const load = `load of the machine at the end: ${loadavg()[0]?.toFixed(1) ?? ''}; ${ROUNDS} runs of each`;
  const head = '| command | run from | median s | best s | budget s | |\n| --- | --- | --- | --- | --- | --- |';
  return `${head}\n${rows.join('\n')}\n\n${load}\n`;
}
