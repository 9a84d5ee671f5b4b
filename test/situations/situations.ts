import { stringify } from 'yaml';
import { main } from '../../client/main.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import type { Phase } from '../../release/progress/state.ts';
import { recordedIo } from '../client/support.ts';
import { NEW_IMAGE, OLD_IMAGE, SET } from '../support/builders.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { releaseOf } from '../support/hotwave.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { releaseWorkflowId } from '../../workflows/messages.ts';
import { aRelease } from '../support/stage.ts';
import type { RunningWorker, SpecWishes, Stage } from '../support/stage.ts';
import { z } from 'zod';

/** A command as a person types it, and what it shows. */
export interface Shown {
  readonly typed: string;
  readonly said: string;
  readonly code: number;
}

/** The stage of a situation. */
export interface Scene {
  readonly it: Stage & RunningWorker;
  readonly address: string;
  /** Starts a release and waits until it is in that phase. */
  readonly begin: (wishes: SpecWishes, phase: Phase) => Promise<StartedRelease>;
  /** Runs a command as `user`. */
  readonly type: (user: string, argv: readonly string[], files?: Readonly<Record<string, string>>) => Promise<Shown>;
}

/** A situation in which a person has to understand quickly what is the matter. */
export interface Situation {
  readonly title: string;
  readonly what: string;
  readonly cluster?: FakeClusterModel;
  /** Plays it, and gives what a person sees who asks and who tries the obvious. */
  readonly play: (scene: Scene) => Promise<readonly Shown[]>;
}

const DUEL = `${SET.namespace}/${SET.name}`;
const status = ['status', DUEL];

/** One server takes the new image badly. */
const failing = (server: string, failure: string): FakeClusterModel => ({
  failures: (name: string, image: string) => (name === server && image === NEW_IMAGE ? (failure as never) : undefined),
});

/** A release file as a person has it on disk. */
function textOf(file: ReleaseFile): string {
  return stringify(z.encode(releaseFileSchema, file));
}

/** A window from yesterday until the day after tomorrow. */
function aroundNow(): object {
  const day = (offset: number): string => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return { name: 'season finale', from: day(-1), to: day(2), timeZone: 'Europe/Berlin' };
}

const situations: readonly Situation[] = [
  {
    title: 'The gate waits for people, and the wrong one approves',
    what: 'Two people must approve, one of the game operators and one lead. The person who started the release tries, then somebody in no group, then somebody who is too early for wave 3.',
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      const approvers = { ops: ['bob', 'ben'], leads: ['cleo'] };
      await begin(
        { approvers, gates: [{ before: 2, groups: { ops: 1, leads: 1 }, notRequester: true }] },
        'waiting-approval',
      );
      return [
        await type('bob', ['approve', DUEL, '--wave', '2']),
        await type('ann', ['approve', DUEL, '--wave', '2']),
        await type('dan', ['approve', DUEL, '--wave', '2']),
        await type('cleo', ['approve', DUEL, '--wave', '3']),
        await type('dan', status),
      ];
    },
  },
  {
    title: 'An image cannot be pulled, and the release waits for a person',
    what: 'One server of the second wave cannot pull the image; the release pauses. Somebody approves, which is the wrong verb.',
    cluster: failing('duel-7', 'badpull'),
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      await begin({ onFailure: { then: 'pause' } }, 'paused');
      return [await type('ann', status), await type('bob', ['approve', DUEL, '--wave', '2'])];
    },
  },
  {
    title: 'A release rolled itself back',
    what: 'An engine of the first wave said after its reload that it still runs the old version.',
    cluster: failing('duel-9', 'stale'),
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      await begin({}, 'rolled-back');
      return [await type('ann', status), await type('ann', ['rollback', DUEL])];
    },
  },
  {
    title: 'The engine restarted',
    what: 'The main container of a server restarted together with its sidecar: players were thrown out. No policy tolerates that.',
    cluster: failing('duel-9', 'mainrestart'),
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      await begin({ onFailure: { tolerate: 5 } }, 'paused');
      return [await type('ann', status)];
    },
  },
  {
    title: 'Somebody else edited the set',
    what: 'While the release waits at its gate, somebody changes the image with kubectl edit.',
    play: async ({ it, begin, type }: Scene): Promise<readonly Shown[]> => {
      const release = await begin({ gates: [{ before: 2 }] }, 'waiting-approval');
      it.cluster.edit('kubectl-edit', (set) => {
        const { containers } = set.spec.gameServerTemplate.spec;
        for (const container of containers) if (container.name === 'scripts') container.image = `${OLD_IMAGE}-hotfix`;
      });
      await release.until(
        'the foreign edit',
        ({ foreignEdit, phase }) => foreignEdit !== undefined && phase === 'paused',
      );
      return [
        await type('ann', status),
        await type('ann', ['resume', DUEL]),
        await type('ann', ['resume', DUEL, '--wins', 'edit']),
      ];
    },
  },
  {
    title: 'The releases are halted',
    what: 'The on-call engineer stops every release of the namespace in the middle of the night. Somebody resumes, somebody starts another release.',
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      const release = await begin({ gates: [{ before: 2 }] }, 'waiting-approval');
      const halted = await type('olga', [
        'halt',
        '--namespace',
        SET.namespace,
        '--reason',
        'database fails over',
        '--for',
        '2h',
      ]);
      await release.until('the halt', ({ phase }) => phase === 'halted');
      const other = aRelease({ name: 'scripts-3-0', target: { namespace: SET.namespace, gameServerSet: 'lobby' } });
      const shown = [
        halted,
        await type('ann', status),
        await type('ann', ['resume', DUEL]),
        await type('ann', ['start', 'release.yaml'], { 'release.yaml': textOf(other) }),
        await type('olga', ['unhalt', '--namespace', SET.namespace, '--reason', 'it is over']),
      ];
      await release.until('to go on', ({ phase }) => phase === 'waiting-approval');
      return shown;
    },
  },
  {
    title: 'A freeze window',
    what: 'The calendar says that nothing is released. Somebody starts a release, is refused, gives a reason, and cannot override it alone.',
    play: async ({ type }: Scene): Promise<readonly Shown[]> => {
      const file = aRelease({ freeze: [aroundNow()] });
      const files = { 'release.yaml': textOf(file) };
      const refused = await type('ann', ['start', 'release.yaml', '--wait'], files);
      const started = await type(
        'ann',
        ['start', 'release.yaml', '--during-freeze', 'the login fix cannot wait'],
        files,
      );
      return [
        refused,
        started,
        await type('ann', status),
        await type('ann', ['override-freeze', DUEL, '--reason', 'it really cannot wait']),
        await type('bob', ['override-freeze', DUEL, '--reason', 'checked with the game team']),
      ];
    },
  },
  {
    title: 'Another release holds the set',
    what: 'A colleague starts a hotfix on a set whose release waits at its gate.',
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      await begin({ gates: [{ before: 2 }] }, 'waiting-approval');
      const files = {
        'hotfix.yaml': textOf(aRelease({ name: 'scripts-2-1', image: NEW_IMAGE.replace('2.0', '2.1') })),
      };
      return [
        await type('bob', ['start', 'hotfix.yaml'], files),
        await type('bob', ['start', 'hotfix.yaml', '--supersede', 'adopt'], files),
      ];
    },
  },
  {
    title: 'The rollback does not get through',
    what: 'The release is rolled back, but one server does not come back: its old image cannot be pulled any more.',
    cluster: {
      failures: (name: string, image: string) => (name === 'duel-9' && image === OLD_IMAGE ? 'badpull' : undefined),
    },
    play: async ({ begin, type, it }: Scene): Promise<readonly Shown[]> => {
      const release = await begin({ gates: [{ before: 2 }], ready: { timeout: '2s' } }, 'waiting-approval');
      // The node has collected the old image meanwhile.
      (it.cluster.server('duel-9').firstImages as Set<string>).delete(OLD_IMAGE);
      await release.decide({ verb: 'rollback', actor: 'ann' });
      await release.until('the end of the try', ({ phase }) => phase === 'paused');
      return [await type('ann', status), await type('ann', ['pause', DUEL])];
    },
  },
  {
    title: 'Servers have been of two versions for too long',
    what: 'The release may leave servers mixed for a limited time; it stands at a gate, and nobody comes.',
    play: async ({ begin, type }: Scene): Promise<readonly Shown[]> => {
      await begin({ gates: [{ before: 2 }], maxMixed: '1s' }, 'paused');
      return [await type('ann', status)];
    },
  },
];

/** The ten hard ones of docs/hard-situations.md. */
export const SITUATIONS: readonly Situation[] = situations;

/**
 * A text without what only a test has: a cluster with a name of its own, where people have the default one, and times of
 * milliseconds, because its servers are in memory.
 */
export function asPeopleSee(text: string, clusterName: string): string {
  return text
    .replaceAll(` --cluster ${clusterName}`, '')
    .replaceAll(clusterName, 'default')
    .replaceAll(/,? (?:for|took) \d+ms\b/g, '')
    .replaceAll(/\d+ms$/gm, (time) => '<1s'.padStart(time.length));
}

/** The stage of a situation. */
export function sceneOf(it: Stage & RunningWorker, address: string): Scene {
  const type: Scene['type'] = async (user, argv, files = {}) => {
    const io = { ...recordedIo({ files: { ...files } }), user, now: () => Date.now() };
    const code = await main([...argv, '--address', address, '--cluster', it.clusterName], io);
    await new Promise(setImmediate);
    const said = asPeopleSee(`${io.written.err}${io.written.out}`, it.clusterName);
    return { typed: `${user}$ hotwave ${argv.map(quoted).join(' ')}`, said, code };
  };
  return {
    it,
    address,
    type,
    async begin(wishes, phase) {
      const file = aRelease(wishes);
      await type('ann', ['start', 'release.yaml'], { 'release.yaml': textOf(file) });
      const handle = it.client.workflow.getHandle(releaseWorkflowId(it.clusterName, SET));
      const release = releaseOf(handle, file.metadata.name);
      await release.until(phase, (state) => state.phase === phase);
      return release;
    },
  };
}

function quoted(argument: string): string {
  return /^[\w./-]+$/.test(argument) ? argument : `"${argument}"`;
}
