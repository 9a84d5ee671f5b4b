import { runLayer } from '../run-layer.ts';
import { describeVersions, writeVersions } from '../lab/versions.ts';
import type { LabVersions } from '../lab/versions.ts';
import { countLostWrites } from './lost-writes.ts';

/** The result of one part on one choice of versions. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** A further fact, such as a count. */
  readonly note?: string;
  /** The failed tests, with how they failed. */
  readonly failures: readonly string[];
}

/** One column of the table. */
export interface Part {
  /** How it is called on the command line and in the table. */
  readonly name: string;
  run(versions: LabVersions, log: (line: string) => void): Promise<Outcome>;
}

/** Every part of a cell, in the order in which they run. */
export const parts: readonly Part[] = [
  tests('demo', 'truth', 'test/truth/demo.test.ts'),
  tests('article', 'truth', 'test/truth/article.test.ts'),
  tests('mismatches', 'fleet', 'test/fleet/live-set.test.ts', 'test/fleet/audit.test.ts'),
  tests('un-wedge', 'fleet', 'test/fleet/un-wedge.test.ts'),
  tests('old-worker', 'skew', 'test/skew/old-worker.test.ts'),
  { name: 'lost-writes', run: lostWrites },
];

function tests(name: string, layer: 'fleet' | 'truth' | 'skew', ...files: readonly string[]): Part {
  return {
    name,
    async run(versions) {
      const { passed, failed, skipped, seconds, failures } = await runLayer(layer, {
        output: 'shown',
        tryAgain: false,
        files,
        environment: { HOTWAVE_LAB_VERSIONS: writeVersions(versions) },
      });
      // A test that was skipped has shown nothing of these versions.
      return { passed, failed: failed + skipped, seconds, failures };
    },
  };
}

/** OpenKruiseGame 1.0.0 is known to lose writes of a GameServer's spec; of newer ones it would be news. */
async function lostWrites(versions: LabVersions, log: (line: string) => void): Promise<Outcome> {
  const started = performance.now();
  const counts = await countLostWrites(versions, log);
  const note = counts.map(({ what, written, lost }) => `${what} ${lost} of ${written}`).join('; ');
  const isKnown = versions['kruise-game'] === '1.0.0';
  const isWorse = !isKnown && counts.some(({ what, lost }) => lost > 0 && what !== 'annotation');
  const failures = isWorse ? [`lost writes on ${describeVersions(versions)}: ${note}`] : [];
  return {
    passed: isWorse ? 0 : 1,
    failed: failures.length,
    seconds: (performance.now() - started) / 1000,
    note,
    failures,
  };
}
