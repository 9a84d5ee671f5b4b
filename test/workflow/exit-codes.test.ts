import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { EXIT, EXIT_MEANINGS } from '../../client/terminal/exit-codes.ts';
import type { ExitCode } from '../../client/terminal/exit-codes.ts';
import { releaseText } from '../support/a-release.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { test } from '../support/stage.ts';

const HOTWAVE = fileURLToPath(new URL('../../bin/hotwave', import.meta.url));
const SET = 'arena/duel';
const STALE: FakeClusterModel = { failures: { 'duel-9': 'stale', 'duel-8': 'stale', 'duel-7': 'stale' } };
/** A wrong version is found soon. */
const SOON = { proof: { http: { port: 8080, path: '/version', within: '200ms' } } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hotwave-exit-codes-'));
  const files = {
    good: {},
    gated: { name: 'gated', gates: [{ before: 2 }] },
    other: { name: 'other', image: 'registry.test/scripts:3.0' },
    rollback: { ...SOON, onFailure: { then: 'rollback' } },
  };
  for (const [name, wishes] of Object.entries(files))
    await writeFile(join(folder, `${name}.yaml`), releaseText(wishes));
  await writeFile(join(folder, 'wrong.yaml'), 'kind: Release\n');
});
afterAll(() => rm(folder, { recursive: true }));

/** A line of a script, and the exit code that it must have. */
type Line = readonly [code: ExitCode, line: string];

/** A script that meets each exit code; every line is a process of its own. */
const SCRIPTS: readonly {
  readonly code: ExitCode;
  readonly model?: FakeClusterModel;
  readonly lines: readonly Line[];
}[] = [
  {
    code: EXIT.ok,
    lines: [
      [EXIT.ok, 'start good.yaml --wait'],
      [EXIT.ok, `status ${SET}`],
      [EXIT.ok, `wait ${SET}`],
      [EXIT.ok, `verify ${SET}`],
      [EXIT.ok, 'list'],
      [EXIT.ok, '--help'],
    ],
  },
  {
    code: EXIT.failed,
    lines: [
      [EXIT.ok, 'start good.yaml --wait'],
      [EXIT.failed, `verify ${SET} --version 9.9`],
    ],
  },
  {
    code: EXIT.rolledBack,
    model: STALE,
    lines: [
      [EXIT.rolledBack, 'start rollback.yaml --wait'],
      [EXIT.rolledBack, `status ${SET}`],
      [EXIT.rolledBack, `wait ${SET}`],
    ],
  },
  {
    code: EXIT.waiting,
    lines: [
      [EXIT.waiting, 'start gated.yaml --wait --until gate'],
      [EXIT.waiting, `status ${SET}`],
      [EXIT.ok, `wait ${SET} --for gate`],
      [EXIT.ok, `approve ${SET} --wave 2 --wait --actor bob`],
    ],
  },
  {
    code: EXIT.stoppedWatching,
    lines: [
      [EXIT.waiting, 'start gated.yaml --wait --until gate'],
      [EXIT.stoppedWatching, `watch ${SET} --timeout 1s`],
      [EXIT.stoppedWatching, `wait ${SET} --timeout 1s`],
      [EXIT.ok, `cancel ${SET} --then hold`],
    ],
  },
  {
    code: EXIT.cancelled,
    lines: [
      [EXIT.waiting, 'start gated.yaml --wait --until gate'],
      [EXIT.ok, `cancel ${SET} --then hold`],
      [EXIT.cancelled, `wait ${SET}`],
      [EXIT.cancelled, `status ${SET}`],
    ],
  },
  {
    code: EXIT.refused,
    lines: [
      [EXIT.refused, `versions ${SET}`],
      [EXIT.waiting, 'start gated.yaml --wait --until gate'],
      [EXIT.refused, 'start other.yaml'],
      [EXIT.refused, `approve ${SET} --wave 3`],
      [EXIT.ok, `cancel ${SET} --then hold`],
    ],
  },
  {
    code: EXIT.unreachable,
    lines: [
      [EXIT.unreachable, `status ${SET} --address 127.0.0.1:1`],
      [EXIT.unreachable, 'plan good.yaml --cluster nobody-works-for'],
    ],
  },
  {
    code: EXIT.unknown,
    lines: [
      [EXIT.unknown, `status ${SET}`],
      [EXIT.unknown, `approve ${SET} --wave 2`],
      [EXIT.unknown, `history ${SET}`],
    ],
  },
  {
    code: EXIT.changes,
    lines: [
      [EXIT.changes, 'plan good.yaml --detailed-exitcode'],
      [EXIT.ok, 'start good.yaml --wait'],
      [EXIT.ok, 'plan good.yaml'],
    ],
  },
  {
    code: EXIT.usage,
    lines: [
      [EXIT.usage, 'plan wrong.yaml'],
      [EXIT.usage, 'plan none.yaml'],
      [EXIT.usage, 'status'],
      [EXIT.usage, `watch ${SET} --timeout soon`],
      [EXIT.usage, 'frobnicate'],
      [EXIT.usage, ''],
    ],
  },
];

describe('a script learns by the exit code', () => {
  test.for(SCRIPTS.map((script) => ({ ...script, means: EXIT_MEANINGS[script.code] })))(
    '$code: $means',
    async ({ code, model, lines }, { stage }) => {
      const it = await stage(model);
      await it.workerIsKnown();
      const env = { TEMPORAL_ADDRESS: inject('temporalAddress'), HOTWAVE_CLUSTER: it.clusterName };
      const met: (readonly [number | undefined, string])[] = [];
      for (const [, line] of lines) {
        const words = line.split(' ').filter((word) => word !== '');
        const { exitCode } = await execa(HOTWAVE, words, { cwd: folder, env, reject: false, timeout: 60_000 });
        met.push([exitCode, line]);
      }
      expect(met).toEqual(lines);
      expect(met.map(([exitCode]) => exitCode)).toContain(code);
    },
  );

  test('of which there is no other', () => {
    expect(new Set(SCRIPTS.map(({ code }) => code))).toEqual(new Set(Object.values(EXIT)));
  });
});
