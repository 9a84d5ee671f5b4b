import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { gameOn } from '../demo/game.ts';
import type { Lab } from '../lab/lab.ts';
import { releaseFrom } from '../support/release-file.ts';
import { badFile, commandFile, environmentFile, goodFile, playgroundSet, quoted, setFile } from './files.ts';

const labs = [
  { kind: 'fleet', nodeName: 'fleet-0', enginePort: 20_014 },
  { kind: 'truth', nodeName: 'truth' },
] as const;

describe.each(labs)('on $kind', (lab) => {
  const game = gameOn(lab as unknown as Lab);

  test('the good release has a gate before wave 2, and it and the bad one roll back when they fail', () => {
    const [good, bad] = [releaseFrom(goodFile(game)).spec, releaseFrom(badFile(game)).spec];
    expect(good.gates).toMatchObject([{ before: 2 }]);
    expect([bad.gates, bad.images]).toEqual([[], { sidecar: game.image(game.badVersion) }]);
    for (const spec of [good, bad])
      expect(spec).toMatchObject({
        target: { gameServerSet: playgroundSet },
        onFailure: { then: 'rollback' },
      });
  });

  test('the set names no node: what people copy runs on any cluster that has the images', () => {
    const set = parse(setFile(game)) as { spec: { gameServerTemplate: { spec: Record<string, unknown> } } };
    expect(Object.keys(set.spec.gameServerTemplate.spec)).not.toContain('nodeName');
  });
});

test.each([
  ['/home/ann/hotwave/playground/fleet/env', '/home/ann/hotwave/playground/fleet/env'],
  ['/home/ann/my games/env', "'/home/ann/my games/env'"],
  ["/it's/$HOME", String.raw`'/it'\''s/$HOME'`],
])('%s is pasted as %s', (word, pasted) => {
  expect(quoted(word)).toBe(pasted);
});

describe('the environment file', () => {
  const kubeconfig = '/a b/admin.kubeconfig';
  const temporal = { address: '127.0.0.1:20000', uiUrl: 'http://127.0.0.1:20005' };

  test.each(['sh', 'bash'])('puts %s on the lab, and takes settings for another Temporal away', async (shell) => {
    const folder = mkdtempSync(join(tmpdir(), "hotwave's playground "));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(join(folder, 'env'), environmentFile({ bin: join(folder, 'bin'), kubeconfig, temporal }));
    const [program, script] = [join(folder, 'bin', 'hotwave'), 'process.stdout.write(process.argv.slice(1).join("|"))'];
    writeFileSync(program, commandFile(process.execPath, ['-e', script]), { mode: 0o755 });
    const { stdout } = await execa(
      shell,
      ['-c', `. ${quoted(join(folder, 'env'))}; env; cd /; hotwave start 'a b.yaml'`],
      {
        env: {
          TEMPORAL_API_KEY: 'secret',
          TEMPORAL_NAMESPACE: 'live',
          HOTWAVE_CLUSTER: 'live',
          HOTWAVE_CACHE: '/c',
          KUBECONFIG: '/live',
        },
      },
    );
    const lines = stdout.split('\n');
    expect(lines.filter((line) => /^(TEMPORAL|HOTWAVE|KUBECONFIG)/.test(line)).sort()).toEqual([
      'HOTWAVE_CACHE=/c',
      `KUBECONFIG=${kubeconfig}`,
      'TEMPORAL_ADDRESS=127.0.0.1:20000',
      'TEMPORAL_CONFIG_FILE=/dev/null',
      'TEMPORAL_UI_URL=http://127.0.0.1:20005',
    ]);
    expect(lines.at(-1)).toBe('start|a b.yaml');
  });
});
