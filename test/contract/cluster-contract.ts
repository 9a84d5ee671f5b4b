import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LeaseLost } from '../../activities/ports/failure.ts';
import { blockerIn } from '../../release/checks/complaint.ts';
import { FENCE_ANNOTATION, fenced } from '../../release/patches/fence.ts';
import { recordPatch } from '../../release/patches/record-patches.ts';
import { TEMPLATE, changedTemplateFields, demandingTemplate, templateEdits } from '../../release/patches/template.ts';
import { neededAccess } from '../../activities/preflight/needed-access.ts';
import { setEventOf } from '../../release/notices/set-event.ts';
import type { SetEvent } from '../../release/notices/set-event.ts';
import type { GameServerSetView, ServerView, ServiceQuality, SetRef } from '../../release/fleet/fleet.ts';
import { containerOf, isServing, PRIORITY_LABEL } from '../../release/fleet/fleet.ts';
import type { GuardedPatch, SetControls, PatchOutcome, SetBaseline } from '../../release/patches/patches.ts';
import { SHIPPED_ACCOUNT } from '../../release/plan/worker-account.ts';
import {
  annotationChange,
  firstWavePatch,
  FROZEN,
  controlsPatch,
  priorityPatch,
  restorePatch,
  rollbackPatch,
  setBaseline,
  setTarget,
} from '../../release/patches/patches.ts';
import type { Notice } from '../../release/notices/notice.ts';
import type { Cluster } from '../../activities/ports/cluster.ts';
import type { GameServerRecord } from '../../activities/ports/game-servers.ts';

/** A set of four servers that run `1.0` and serve; every test has its own. */
export interface ContractSet {
  readonly ref: SetRef;
  readonly main: string;
  readonly sidecar: string;
  /** The sidecar's image with another tag. */
  readonly image: (tag: string) => string;
  /** The main container's image with another tag. */
  readonly mainImage: (tag: string) => string;
  /** Somebody else writes one field of the set, under that field manager. */
  edit(manager: string, pointer: string, value: unknown): Promise<void>;
  /** A GitOps controller brings the whole manifest that the set was made of back: it applies or replaces it. */
  restore(manager: string, by: 'apply' | 'replace'): Promise<void>;
  /** The set has a service quality that makes OpenKruiseGame write this updatePriority when its result is `True`. */
  rankBy(quality: string, updatePriority: number): Promise<void>;
  /** An admission policy lets nobody write this image into a pod of the set. */
  denyImage(image: string, says: string): Promise<void>;
  /** The Events of the set as `kubectl describe` asks for them: by its name and its uid. */
  described(): Promise<readonly DescribedEvent[]>;
  /** OpenKruise's node agent reports the result of a service quality on a server's pod. */
  reportQuality(server: string, name: string, result: ServiceQuality): Promise<void>;
}

/** An Event of a set, as it is in the cluster. */
export interface DescribedEvent extends Omit<SetEvent, 'set'> {
  /** The speaker. */
  readonly from: string;
}

/** A cluster under the contract. */
export interface ContractWorld {
  readonly cluster: Cluster;
  readonly enginePort: number;
  newSet(): Promise<ContractSet>;
  stop(): Promise<void>;
}

const PATIENCE_MS = 20_000;
const SERVERS = [0, 1, 2, 3];
const STRATEGY = '/spec/updateStrategy';
const OPEN: SetControls = { partition: 0, maxUnavailable: '100%', paused: false };
const hold = (partition: number): SetControls => ({ ...OPEN, partition });

/** The rules of the port `Cluster`, as tests. `makeWorld` is called once. */
export function describeClusterContract(name: string, makeWorld: () => Promise<ContractWorld>): void {
  describe(`the cluster contract: ${name}`, () => {
    let world: ContractWorld;
    let cluster: Cluster;
    let set: ContractSet;

    beforeAll(async () => {
      world = await makeWorld();
      cluster = world.cluster;
      set = await world.newSet();
    }, 120_000);

    afterAll(async () => {
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- making the world may have failed
      await world?.stop();
    }, 60_000);

    async function live(ref = set.ref): Promise<GameServerSetView> {
      const found = await cluster.readSet(ref);
      if (!found) throw new Error(`there is no set ${ref.name}`);
      return found;
    }

    async function baselineOf(of: ContractSet, tag = '2.0'): Promise<SetBaseline> {
      return setBaseline(await live(of.ref), of.sidecar, of.image(tag))!;
    }

    async function list(of: ContractSet): Promise<readonly ServerView[]> {
      return (await cluster.listServers(of.ref)).servers;
    }

    async function until<Result>(what: string, look: () => Promise<Result | undefined | false>): Promise<Result> {
      const deadline = Date.now() + PATIENCE_MS;
      while (Date.now() < deadline) {
        const found = await look();
        if (found !== undefined && found !== false) return found;
        await pause(20);
      }
      throw new Error(`waited in vain for ${what}`);
    }

    function untilImages(of: ContractSet, tags: readonly string[]): Promise<readonly ServerView[]> {
      return until(`images ${tags.join(' ')}`, async () => {
        const servers = await list(of);
        const isThere = servers.every((server, index) => {
          const container = containerOf(server.containers, of.sidecar);
          const image = of.image(tags[index] ?? '');
          return container?.image === image && container.status?.image === image && isServing(server);
        });
        return isThere && servers.length === tags.length && servers;
      });
    }

    describe('reading', () => {
      test('says undefined for what does not exist, and an empty list for its servers', async () => {
        const missing = { ...set.ref, name: 'nothing-here' };
        expect(await cluster.readSet(missing)).toBeUndefined();
        expect(await cluster.readWorkload(missing)).toBeUndefined();
        expect((await cluster.listServers(missing)).servers).toEqual([]);
        expect(await cluster.listGameServers(missing)).toEqual([]);
        expect(await cluster.listGameServers(missing, ['nothing-here-0'])).toEqual([]);
      });

      test('names the sets of a namespace, in their order', async () => {
        const other = await world.newSet();
        const { namespace } = set.ref;
        const names = await cluster.listSets(namespace);
        expect(names).toEqual([...names].sort());
        expect(names).toEqual(expect.arrayContaining([set.ref.name, other.ref.name]));
      });

      test('follows servers by name: as they are, and again whenever one has changed, until nobody listens', async () => {
        const followed = await world.newSet();
        const { name } = followed.ref;
        const patch = firstWavePatch(await baselineOf(followed), 4, hold(0));
        const names = [`${name}-1`, `${name}-3`];
        const seen: string[] = [];
        for await (const servers of cluster.followServers(followed.ref, names)) {
          expect(servers.map((server) => server.name)).toEqual(names);
          const images = servers.map((server) => containerOf(server.containers, followed.sidecar)?.status?.image);
          if (seen.length === 0) await cluster.patch(setTarget(followed.ref), patch);
          seen.push(images.join(' '));
          if (images.every((image) => image === followed.image('2.0')) && servers.every(isServing)) break;
        }
        expect(seen[0]).toBe(`${followed.image('1.0')} ${followed.image('1.0')}`);
        expect(seen.length).toBeGreaterThan(1);
      });

      test('follows a set: as it is, and again whenever it has changed, with who changed it', async () => {
        const followed = await world.newSet();
        const seen: string[] = [];
        const started = Date.now();
        for await (const view of cluster.followSet(followed.ref)) {
          seen.push(`${view?.replicas ?? 'none'} ${view?.lastWriters['/spec/replicas'] ?? ''}`);
          if (seen.length === 1) await followed.edit('helm', '/spec/replicas', 5);
          if (view?.replicas === 5) break;
        }
        expect(seen[0]).toMatch(/^4 /);
        expect(seen.at(-1)).toBe('5 helm');
        expect(Date.now() - started).toBeLessThan(5_000);
      });

      test('follows a set that does not exist, as undefined', async () => {
        for await (const view of cluster.followSet({ ...set.ref, name: 'nothing-here' })) {
          expect(view).toBeUndefined();
          break;
        }
      });

      test('stops following a set when the caller gives up', async () => {
        const giveUp = new AbortController();
        const follow = async (): Promise<void> => {
          for await (const view of cluster.followSet(set.ref, giveUp.signal))
            if (view) giveUp.abort(new Error('enough'));
        };
        await expect(follow()).rejects.toThrow('enough');
      });

      test('names the servers that show another updatePriority, and says who wrote it', async () => {
        const own = await world.newSet();
        const names = SERVERS.map((ordinal) => `${own.ref.name}-${ordinal}`);
        await until('labels', async () => (await cluster.serversWithOtherPriority(own.ref, [0])).length === 0);
        expect(await cluster.serversWithOtherPriority(own.ref, [1, 10])).toEqual(names);
        const [first] = await cluster.listGameServers(own.ref, [names[2]!]);
        await cluster.patch(gameServerTarget(own, first!), priorityPatch(first!, 10, 'token'));
        await until('the label', async () => (await cluster.serversWithOtherPriority(own.ref, [10])).length === 3);
        expect(await cluster.serversWithOtherPriority(own.ref, [0])).toEqual([names[2]]);
        expect((await cluster.listGameServers(own.ref, [names[2]!]))[0]).toMatchObject({ priorityBy: 'hotwave' });
      });

      test('follows GameServers by name: as they are, and again whenever one has changed', async () => {
        const followed = await world.newSet();
        const name = `${followed.ref.name}-2`;
        const seen: GameServerRecord[] = [];
        for await (const gameServers of cluster.followGameServers(followed.ref, [name])) {
          expect(gameServers.map((gameServer) => gameServer.name)).toEqual([name]);
          const gameServer = gameServers[0]!;
          if (seen.length === 0)
            await cluster.patch(gameServerTarget(followed, gameServer), {
              preconditions: [{ path: '/metadata/uid', value: gameServer.uid }],
              changes: [
                {
                  op: 'add',
                  path: '/spec/containers',
                  value: [{ name: followed.sidecar, image: followed.image('2.0') }],
                },
              ],
            });
          seen.push(gameServer);
          if (gameServer.imageOverrides[followed.sidecar] === followed.image('2.0')) break;
        }
        expect(seen[0]).toMatchObject({ imageOverrides: {} });
        expect(seen.at(-1)!.resourceVersion).not.toBe(seen[0]!.resourceVersion);
      });

      test('stops following when the caller gives up', async () => {
        const giveUp = new AbortController();
        const names = [`${set.ref.name}-0`];
        const follow = async (views: AsyncIterable<readonly unknown[]>): Promise<void> => {
          for await (const view of views) if (view.length === 1) giveUp.abort(new Error('enough'));
        };
        const both = [
          follow(cluster.followServers(set.ref, names, giveUp.signal)),
          follow(cluster.followGameServers(set.ref, names, giveUp.signal)),
        ];
        await Promise.all(both.map((following) => expect(following).rejects.toThrow('enough')));
      });

      test('shows the set as its owner wrote it', async () => {
        const found = await live();
        expect(found).toMatchObject({ ref: set.ref, replicas: 4, deleting: false, foreignOwners: {} });
        expect(found.containers.map(({ name: container }) => container)).toEqual([set.main, set.sidecar]);
        expect(containerOf(found.containers, set.sidecar)?.image).toBe(set.image('1.0'));
        expect(found.updateStrategy.rollingUpdate?.podUpdatePolicy).toBe('InPlaceIfPossible');
      });

      test('shows what the controllers made of the set', async () => {
        const workload = await cluster.readWorkload(set.ref);
        expect(workload).toMatchObject({ partition: 0, paused: false, podUpdatePolicy: 'InPlaceIfPossible' });
        expect(workload?.observedGeneration).toBe(workload?.generation);
        expect(workload?.updateRevision).not.toBe('');
      });

      test('lists servers by ordinal, each with what tells whether it runs the image', async () => {
        const servers = await list(set);
        const workload = await cluster.readWorkload(set.ref);
        expect(servers.map(({ ordinal }) => ordinal)).toEqual(SERVERS);
        for (const server of servers) {
          expect(isServing(server)).toBe(true);
          expect(server).toMatchObject({ inGrace: false, revision: workload?.updateRevision });
          expect(server.readinessGates).toContain('InPlaceUpdateReady');
          expect(server.conditions['InPlaceUpdateReady']).toBe('True');
          const status = containerOf(server.containers, set.sidecar)?.status;
          expect(status).toMatchObject({ image: set.image('1.0'), restartCount: 0, ready: true, state: 'running' });
          expect([status?.imageId, status?.containerId, server.uid, server.ip]).not.toContain('');
        }
        expect(new Set(servers.map(({ uid }) => uid)).size).toBe(4);
        for (const { createdAt } of servers) expect(Math.abs(Date.now() - createdAt)).toBeLessThan(30 * 60_000);
      });

      test('lists only the servers that are asked for', async () => {
        const names = [`${set.ref.name}-2`, `${set.ref.name}-0`, `${set.ref.name}-99`];
        const { servers } = await cluster.listServers(set.ref, { names });
        expect(servers.map(({ ordinal }) => ordinal)).toEqual([0, 2]);
        expect((await cluster.listServers(set.ref, { names: [] })).servers).toEqual([]);
        const gameServers = await cluster.listGameServers(set.ref, names);
        expect(gameServers.map((server) => server.name)).toEqual([`${set.ref.name}-0`, `${set.ref.name}-2`]);
      });

      test('reads at least as new as an earlier answer, and at once', async () => {
        const { resourceVersion } = await cluster.listServers(set.ref);
        const started = Date.now();
        const { servers } = await cluster.listServers(set.ref, { notOlderThan: resourceVersion });
        expect(servers).toHaveLength(4);
        expect(Date.now() - started).toBeLessThan(2_000);
      });

      test('lists a GameServer for each server, without wishes', async () => {
        const gameServers = await cluster.listGameServers(set.ref);
        expect(gameServers.map(({ name: server }) => server)).toEqual(SERVERS.map((n) => `${set.ref.name}-${n}`));
        expect(gameServers[0]).toMatchObject({ opsState: 'None', updatePriority: 0, imageOverrides: {} });
      });

      test('says whose pod Kruise was not allowed to write, and what was said against it', async () => {
        const own = await world.newSet();
        const says = 'only images of the studio';
        await own.denyImage(own.image('2.0'), says);
        const last = `${own.ref.name}-3`;
        expect(await cluster.readComplaints(own.ref, last)).toEqual([]);
        const since = Date.now() - 2_000;
        await cluster.patch(setTarget(own.ref), firstWavePatch(await baselineOf(own), 4, hold(0)));
        const revision = await until('the new revision', async () => {
          const workload = await cluster.readWorkload(own.ref);
          return workload?.updateRevision !== workload?.currentRevision && workload?.updateRevision;
        });
        const blocker = await until('a complaint', async () =>
          blockerIn(await cluster.readComplaints(own.ref, last), {
            since,
            waiting: new Set([last]),
            shut: new Set(),
            revision,
          }),
        );
        expect(blocker).toMatchObject({ server: last, isDenied: true });
        expect(blocker.words).toContain(says);
        // Its gate is closed before the write, and opened again for a moment when Kruise begins its next round.
        const gates = await until('its gate to be closed', async () => {
          const found = (await list(own)).map(({ conditions }) => conditions['InPlaceUpdateReady']);
          return found[3] === 'False' && found;
        });
        // Nobody behind it has moved.
        expect(gates).toEqual([...Array<string>(3).fill('True'), 'False']);
      });

      test('refuses a name that would lead to another resource', async () => {
        await expect(cluster.readSet({ ...set.ref, name: '../../../secrets' })).rejects.toMatchObject({
          reason: 'invalid',
        });
      });
    });

    describe('guarded patches', () => {
      test('are applied once: the same patch again finds its values there', async () => {
        const own = await world.newSet();
        const patch = firstWavePatch(await baselineOf(own), 4, hold(FROZEN));
        expect(await cluster.patch(setTarget(own.ref), patch)).toEqual({ kind: 'applied' });
        expect(await cluster.patch(setTarget(own.ref), patch)).toEqual({ kind: 'alreadyApplied' });
        const after = await live(own.ref);
        expect(containerOf(after.containers, own.sidecar)?.image).toBe(own.image('2.0'));
        expect(after.updateStrategy.rollingUpdate?.partition).toBe(FROZEN);
      });

      test('name the field, both values and the manager when somebody else was there first', async () => {
        const own = await world.newSet();
        const baseline = await baselineOf(own);
        await cluster.patch(setTarget(own.ref), firstWavePatch(baseline, 4, hold(FROZEN)));
        await own.edit('kubectl-edit', `${STRATEGY}/rollingUpdate/partition`, 1);
        const outcome = await cluster.patch(setTarget(own.ref), controlsPatch(baseline, 4, hold(FROZEN), hold(2)));
        expect(outcome).toMatchObject({ kind: 'preconditionFailed', path: STRATEGY, manager: 'kubectl-edit' });
        expect(outcome).toHaveProperty('actual.rollingUpdate.partition', 1);
        expect(outcome).toHaveProperty('expected.rollingUpdate.partition', FROZEN);
        expect((await live(own.ref)).updateStrategy.rollingUpdate?.partition).toBe(1);
      });

      test('leave the field and its manager to be read afterwards, hotwave included', async () => {
        const own = await world.newSet();
        const index = (await live(own.ref)).containers.findIndex(({ name: container }) => container === own.sidecar);
        const pointer = `/spec/gameServerTemplate/spec/containers/${index}/image`;
        await cluster.patch(setTarget(own.ref), firstWavePatch(await baselineOf(own), 4, hold(FROZEN)));
        expect((await live(own.ref)).lastWriters).toMatchObject({ [pointer]: 'hotwave', [STRATEGY]: 'hotwave' });
        await own.edit('kubectl-edit', pointer, own.image('3.0'));
        expect((await live(own.ref)).lastWriters).toMatchObject({ [pointer]: 'kubectl-edit', [STRATEGY]: 'hotwave' });
      });

      test('say when the object is not there', async () => {
        const baseline = await baselineOf(set);
        const target = setTarget({ ...set.ref, name: 'nothing-here' });
        expect(await cluster.patch(target, rollbackPatch(baseline, { image: baseline.newImage }))).toEqual({
          kind: 'notFound',
        });
      });

      test.each<[string, GuardedPatch['changes'][number]]>([
        ['a value of the wrong type', { op: 'replace', path: '/spec/replicas', value: 'many' }],
        ['a field that there is not', { op: 'add', path: '/spec/typo', value: 1 }],
        ['a parent that there is not', { op: 'add', path: '/spec/nothing/here', value: 1 }],
      ])('are denied for %s, in one short line', async (_, change) => {
        const outcome = await cluster.patch(setTarget(set.ref), { preconditions: [], changes: [change] });
        expect(outcome).toMatchObject({ kind: 'denied', message: expect.stringMatching(/^.{10,300}$/) as string });
      });

      test('ask for permission right before they are sent, and send nothing without it', async () => {
        const own = await world.newSet();
        const patch = firstWavePatch(await baselineOf(own), 4, hold(FROZEN));
        const before = await live(own.ref);
        const permit = (): Promise<void> => Promise.reject(new LeaseLost());
        await expect(cluster.patch(setTarget(own.ref), patch, { permit })).rejects.toThrow(LeaseLost);
        const command = {
          namespace: own.ref.namespace,
          server: `${own.ref.name}-0`,
          container: own.main,
          timeoutMs: 5_000,
        };
        await expect(cluster.exec({ ...command, command: ['true'] }, undefined, permit)).rejects.toThrow(LeaseLost);
        expect(await live(own.ref)).toEqual(before);
      });

      test('behind a fence follow each other, and one that comes late is refused, with the whole template tested', async () => {
        const own = await world.newSet();
        const baseline = await baselineOf(own);
        const read = await live(own.ref);
        const write = (from: number, seen: GameServerSetView, token = 'run'): Promise<PatchOutcome> => {
          const patch = fenced(
            recordPatch(baseline),
            seen,
            { token, from, to: from },
            { planned: baseline.fence, name: 'x' },
          );
          if ('refused' in patch) throw new Error(patch.refused);
          return cluster.patch(setTarget(own.ref), demandingTemplate(patch, seen));
        };
        expect(await write(0, read)).toEqual({ kind: 'applied' });
        expect(await write(0, read)).toEqual({ kind: 'alreadyApplied' });
        expect(await write(0, read, 'late')).toMatchObject({ kind: 'preconditionFailed' });
        const next = await live(own.ref);
        expect(await write(1, next)).toEqual({ kind: 'applied' });
        expect((await live(own.ref)).annotations).toMatchObject({ [FENCE_ANNOTATION]: 'run/2' });
        const before = await live(own.ref);
        const main = before.containers.findIndex(({ name: container }) => container === own.main);
        await own.edit('kubectl-edit', `/spec/gameServerTemplate/spec/containers/${main}/image`, own.image('3.0'));
        expect(await write(2, before)).toMatchObject({ kind: 'preconditionFailed', path: TEMPLATE });
        const [edit] = templateEdits(baseline, changedTemplateFields(baseline, await live(own.ref)));
        expect(edit).toMatchObject({ to: own.image('3.0') });
        expect((await live(own.ref)).lastWriters[edit!.field]).toBe('kubectl-edit');
      });

      test('test a template with any characters in it against what was read of it', async () => {
        const own = await world.newSet();
        const template = { ...((await live(own.ref)).template as object) };
        const metadata = { annotations: { 'game.example/run': 'rsync -a /app && a < b > c \u2028 \u00e4' } };
        await own.edit('owner', '/spec/gameServerTemplate', { ...template, metadata });
        const read = await live(own.ref);
        const patch = demandingTemplate(recordPatch(await baselineOf(own)), read);
        expect(await cluster.patch(setTarget(own.ref), patch)).toEqual({ kind: 'applied' });
      });

      test('change nothing in a dry run, but say what would come of them', async () => {
        const before = await live();
        const baseline = await baselineOf(set);
        const target = setTarget(set.ref);
        const dryRun = { dryRun: true };
        expect(await cluster.patch(target, firstWavePatch(baseline, 4, hold(0)), dryRun)).toEqual({ kind: 'applied' });
        const refused = await cluster.patch(target, firstWavePatch(baseline, 5, hold(0)), dryRun);
        expect(refused).toMatchObject({ kind: 'preconditionFailed', path: '/spec/replicas', expected: 5, actual: 4 });
        expect(await live()).toEqual(before);
      });

      test('take null for "there is nothing", as a precondition', async () => {
        const path = '/spec/lifecycle';
        const change = { op: 'replace', path: '/spec/replicas', value: 4 } as const;
        const nothing = await cluster.patch(setTarget(set.ref), {
          preconditions: [{ path, value: null }],
          changes: [change],
        });
        expect(nothing).toEqual({ kind: 'applied' });
      });
    });

    describe('others', () => {
      const staged = { ...hold(FROZEN), paused: true };

      async function held(own: ContractSet): Promise<SetBaseline> {
        const baseline = await baselineOf(own);
        const { preconditions, changes } = firstWavePatch(baseline, 4, staged);
        const note = annotationChange((await live(own.ref)).annotations !== undefined, 'game.example/note', 'held');
        await cluster.patch(setTarget(own.ref), { preconditions, changes: [...changes, note] });
        return baseline;
      }

      test('who apply the manifest again put image and strategy back and own them; what it lacks stays', async () => {
        const own = await world.newSet();
        const baseline = await held(own);
        await own.restore('argocd', 'apply');
        const after = await live(own.ref);
        expect(containerOf(after.containers, own.sidecar)?.image).toBe(own.image('1.0'));
        expect(after.updateStrategy.rollingUpdate).toEqual({ ...baseline.updateStrategy.rollingUpdate, paused: true });
        expect(after.annotations).toMatchObject({ 'game.example/note': 'held' });
        expect(after.foreignOwners).toMatchObject({ [STRATEGY]: 'argocd' });
        expect(after.managers).toContain('argocd');
        expect(after.lastWriters).toMatchObject({ [STRATEGY]: 'argocd' });
        await cluster.patch(setTarget(own.ref), controlsPatch(baseline, 4, staged, hold(FROZEN)));
      });

      test('who replace the set leave nothing of a release, and own nothing for good', async () => {
        const own = await world.newSet();
        const baseline = await held(own);
        await own.restore('flux', 'replace');
        const after = await live(own.ref);
        expect(containerOf(after.containers, own.sidecar)?.image).toBe(own.image('1.0'));
        expect(after.updateStrategy).toEqual(baseline.updateStrategy);
        expect(after.annotations ?? {}).not.toHaveProperty(['game.example/note']);
        expect(after.foreignOwners).toEqual({});
        expect(after.lastWriters).toMatchObject({ [STRATEGY]: 'flux' });
      });

      test('own no longer the images when hotwave has changed one after them, but still what it left as it was', async () => {
        const own = await world.newSet();
        await own.restore('argocd', 'apply');
        await held(own);
        expect((await live(own.ref)).foreignOwners).toEqual({ [STRATEGY]: 'argocd', '/spec/replicas': 'argocd' });
      });

      test('who give the main container a new image restart the engines of those that may move, and no others', async () => {
        const own = await world.newSet();
        await cluster.patch(setTarget(own.ref), firstWavePatch(await baselineOf(own), 4, hold(2)));
        await untilImages(own, ['1.0', '1.0', '2.0', '2.0']);
        const { containers } = await live(own.ref);
        const index = containers.findIndex(({ name: container }) => container === own.main);
        await own.edit('colleague', `/spec/gameServerTemplate/spec/containers/${index}/image`, own.mainImage('9.0'));
        const restarts = async (): Promise<(number | undefined)[]> =>
          (await list(own)).map((server) => containerOf(server.containers, own.main)?.status?.restartCount);
        await until('the engines', async () => (await list(own)).every(isServing) && (await restarts())[2] === 1);
        expect(await restarts()).toEqual([0, 0, 1, 1]);
      });

      test('OpenKruiseGame writes the priority that a service quality wants, whoever wrote another before', async () => {
        const own = await world.newSet();
        const name = `${own.ref.name}-1`;
        const priority = async (): Promise<unknown> =>
          (await cluster.listGameServers(own.ref, [name]))[0]?.updatePriority;
        await own.rankBy('players', 70);
        await own.reportQuality(name, 'players', { status: 'True', message: '7' });
        await until('the priority', async () => (await priority()) === 70);
        await until('the label', async () => (await cluster.serversWithOtherPriority(own.ref, [70])).length === 3);
        const [ranked] = await cluster.listGameServers(own.ref, [name]);
        expect(ranked).toMatchObject({ priorityBy: 'kruise-game' });
      });
    });

    describe('GameServers', () => {
      test('carry a priority and its token to the pod', async () => {
        const own = await world.newSet();
        const name = `${own.ref.name}-1`;
        const look = async (priority: number, token: string): Promise<boolean> => {
          const [server] = (await cluster.listServers(own.ref, { names: [name] })).servers;
          return server?.syncToken === token && server.labels[PRIORITY_LABEL] === String(priority);
        };
        const bring = async (priority: number, token: string): Promise<unknown> => {
          let written = Number.NEGATIVE_INFINITY;
          return until(`priority ${priority} on ${name}`, async () => {
            if (await look(priority, token)) return true;
            // OpenKruiseGame v1.0.0 may undo a write with an older state: it is written again until it holds.
            if (Date.now() - written < 2_000) return false;
            const [gameServer] = await cluster.listGameServers(own.ref, [name]);
            const patch = priorityPatch(gameServer!, priority, token);
            expect(await cluster.patch(gameServerTarget(own, gameServer!), patch)).toHaveProperty('kind', 'applied');
            written = Date.now();
            return false;
          });
        };
        await bring(70, 'first');
        await bring(80, 'second');
        const others = (await list(own)).filter((server) => server.name !== name);
        expect(others.map(({ labels }) => labels[PRIORITY_LABEL])).toEqual(['0', '0', '0']);
      });

      test('say who has players: opsState and annotations, long values cut', async () => {
        const own = await world.newSet();
        const name = `${own.ref.name}-3`;
        await until(`${name} to be played`, async () => {
          const [gameServer] = await cluster.listGameServers(own.ref, [name]);
          if (gameServer?.opsState === 'Allocated' && gameServer.annotations?.['game.example/players'] === '3')
            return true;
          // OpenKruiseGame v1.0.0 may undo a write with an older state: it is written again until it holds.
          await cluster.patch(gameServerTarget(own, gameServer!), {
            preconditions: [{ path: '/metadata/uid', value: gameServer!.uid }],
            changes: [
              annotationChange(gameServer!.hasAnnotations, 'game.example/players', '3'),
              { op: 'add', path: '/metadata/annotations/game.example~1match', value: 'x'.repeat(300) },
              { op: 'add', path: '/spec/opsState', value: 'Allocated' },
            ],
          });
          return false;
        });
        const [played] = await cluster.listGameServers(own.ref, [name]);
        expect(played?.annotations?.['game.example/match']).toHaveLength(257);
        const [idle] = await cluster.listGameServers(own.ref, [`${own.ref.name}-0`]);
        expect(idle).toMatchObject({ opsState: 'None' });
      });

      test('move one server with an image override, and no other', async () => {
        const own = await world.newSet();
        const [gameServer] = await cluster.listGameServers(own.ref, [`${own.ref.name}-2`]);
        const outcome = await cluster.patch(gameServerTarget(own, gameServer!), {
          preconditions: [{ path: '/metadata/uid', value: gameServer!.uid }],
          changes: [{ op: 'add', path: '/spec/containers', value: [{ name: own.sidecar, image: own.image('2.0') }] }],
        });
        expect(outcome).toEqual({ kind: 'applied' });
        await untilImages(own, ['1.0', '1.0', '2.0', '1.0']);
        const overridden = await cluster.listGameServers(own.ref);
        expect(overridden[2]?.imageOverrides).toEqual({ [own.sidecar]: own.image('2.0') });
      });
    });

    describe('a rolling release', () => {
      test('moves as many servers as the partition lets it, the highest first, in place; and goes back', async () => {
        const own = await world.newSet();
        const before = await list(own);
        const baseline = await baselineOf(own);
        const old = (await cluster.readWorkload(own.ref))?.updateRevision;

        await cluster.patch(setTarget(own.ref), firstWavePatch(baseline, 4, hold(FROZEN)));
        const staged = await until('the new template', async () => {
          const workload = await cluster.readWorkload(own.ref);
          return workload?.partition === FROZEN && workload.updateRevision !== old && workload;
        });
        await cluster.patch(setTarget(own.ref), controlsPatch(baseline, 4, hold(FROZEN), hold(2)));
        const halfway = await untilImages(own, ['1.0', '1.0', '2.0', '2.0']);
        expect(halfway.map(({ uid }) => uid)).toEqual(before.map(({ uid }) => uid));
        expect(halfway.map(({ revision }) => revision === staged.updateRevision)).toEqual([false, false, true, true]);
        const moved = halfway[3]!;
        expect(moved.inPlace).toEqual({ revision: staged.updateRevision, moreBatches: false });
        expect(containerOf(moved.containers, own.sidecar)?.status?.restartCount).toBe(1);
        expect(containerOf(moved.containers, own.main)).toEqual(containerOf(before[3]!.containers, own.main));

        expect(await cluster.patch(setTarget(own.ref), rollbackPatch(baseline, { image: baseline.newImage }))).toEqual({
          kind: 'applied',
        });
        await untilImages(own, ['1.0', '1.0', '1.0', '1.0']);
        expect((await cluster.readWorkload(own.ref))?.updateRevision).toBe(old);
        const restored = await cluster.patch(setTarget(own.ref), restorePatch(baseline, own.image('1.0'), OPEN));
        expect(restored).toEqual({ kind: 'applied' });
        expect((await live(own.ref)).updateStrategy).toEqual(baseline.updateStrategy);
      });

      test('stops at a server whose image cannot be pulled, and a rollback brings it back', async () => {
        const own = await world.newSet();
        const baseline = await baselineOf(own, '2.0-badpull');
        await cluster.patch(setTarget(own.ref), firstWavePatch(baseline, 4, { ...hold(0), maxUnavailable: 1 }));
        await until('the pull error', async () => {
          const server = (await list(own))[3]!;
          const status = containerOf(server.containers, own.sidecar)?.status;
          return status?.reason === 'ImagePullBackOff' && status.state === 'waiting' && !isServing(server);
        });
        expect((await list(own)).filter((server) => !isServing(server))).toHaveLength(1);
        await cluster.patch(setTarget(own.ref), rollbackPatch(baseline, { image: baseline.newImage }));
        await untilImages(own, ['1.0', '1.0', '1.0', '1.0']);
      });
    });

    describe('asking servers', () => {
      const run = (
        command: readonly string[],
        wishes: { server?: string; container?: string; timeoutMs?: number; mostBytes?: number } = {},
      ) =>
        cluster.exec({
          namespace: set.ref.namespace,
          server: wishes.server ?? `${set.ref.name}-0`,
          container: wishes.container ?? set.main,
          command,
          timeoutMs: wishes.timeoutMs ?? 10_000,
          ...(wishes.mostBytes === undefined ? {} : { mostBytes: wishes.mostBytes }),
        });

      test('exec gives output and exit code', async () => {
        const place = `${set.ref.namespace}/${set.ref.name}-0`;
        expect(await run(['fleet-engine', 'version', place])).toEqual({
          kind: 'exited',
          code: 0,
          stdout: '1.0\n',
          stderr: '',
        });
        expect(await run(['false'])).toMatchObject({ kind: 'exited', code: 1 });
      });

      test('exec keeps 64 KiB of the output, or as much as it is asked to, and says when it left something out', async () => {
        const talkative = ['head', '-c', '100000', '/dev/zero'];
        const some = await run(talkative);
        expect(some).toMatchObject({ kind: 'exited', code: 0, truncated: true });
        expect(some).toHaveProperty('stdout.length', 65_536);
        const all = await run(talkative, { mostBytes: 200_000 });
        expect(all).toHaveProperty('stdout.length', 100_000);
        expect(all).not.toHaveProperty('truncated');
      });

      test.each<[string, { program?: string; container?: string; server?: string }]>([
        ['a program that the image does not have', { program: 'no-such-program' }],
        ['a container that the server does not have', { container: 'nobody' }],
        ['a server that does not exist', { server: 'nothing-here-0' }],
      ])('exec says `failed` for %s', async (_, { program = 'true', ...wishes }) => {
        expect(await run([program], wishes)).toMatchObject({ kind: 'failed' });
      });

      test('exec gives up at its deadline and does not call that a success', async () => {
        const started = Date.now();
        const outcome = await run(['sleep', '20'], { timeoutMs: 600 });
        expect(outcome).toEqual({ kind: 'unknown', message: 'no answer within 0.6 s' });
        expect(Date.now() - started).toBeLessThan(3_000);
      });

      test('httpGet gives status and body, whatever the status', async () => {
        const [server] = await list(set);
        const get = (path: string, port = world.enginePort): ReturnType<Cluster['httpGet']> =>
          cluster.httpGet({ host: server!.ip, port, path, timeoutMs: 5_000 });
        expect(await get('/version')).toEqual({ kind: 'answered', status: 200, body: '1.0' });
        expect(await get('/nothing')).toMatchObject({ kind: 'answered', status: 404 });
        const nobody = { host: '127.63.255.254', port: 1, path: '/version', timeoutMs: 5_000 };
        expect(await cluster.httpGet(nobody)).toEqual({ kind: 'failed', message: 'connection refused' });
      });

      test('httpGet and httpSend over TLS are `failed` where the engine speaks none', async () => {
        const [server] = await list(set);
        const request = { host: server!.ip, port: world.enginePort, path: '/version', tls: {}, timeoutMs: 5_000 };
        // Some answer with an error of HTTP, some end the connection.
        const outcome = { kind: 'failed', message: expect.stringMatching(/speaks? TLS at this port\??$/) as string };
        expect(await cluster.httpGet(request)).toEqual(outcome);
        expect(await cluster.httpSend({ ...request, method: 'POST' })).toEqual(outcome);
      });
    });

    describe('what an engine is told and what it says', () => {
      const request = (server: ServerView, path: string) =>
        ({ host: server.ip, port: world.enginePort, path, method: 'POST', timeoutMs: 5_000 }) as const;
      const nobody = { host: '127.63.255.254', port: 1, timeoutMs: 5_000 };

      test('httpSend sends once and gives status and body, whatever the status', async () => {
        const [server] = await list(set);
        const answer = await cluster.httpSend({
          ...request(server!, '/reload'),
          headers: { 'x-release': 'r' },
          body: 'now',
        });
        expect(answer).toEqual({
          kind: 'answered',
          status: 200,
          body: expect.stringContaining('reloaded 1.0') as string,
        });
        expect(await cluster.httpSend({ ...request(server!, '/reload'), method: 'PUT' })).toMatchObject({
          status: 405,
        });
        expect(await cluster.httpSend(request(server!, '/nothing'))).toMatchObject({ kind: 'answered', status: 404 });
      });

      test('httpSend says `failed` only when nothing was sent', async () => {
        const outcome = await cluster.httpSend({ ...nobody, path: '/reload', method: 'POST' });
        expect(outcome).toEqual({ kind: 'failed', message: 'connection refused' });
      });

      test('tcpConnect says whether a connection is taken', async () => {
        const [server] = await list(set);
        const open = { host: server!.ip, port: world.enginePort, timeoutMs: 5_000 };
        expect(await cluster.tcpConnect(open)).toEqual({ kind: 'connected' });
        expect(await cluster.tcpConnect(nobody)).toEqual({ kind: 'failed', message: 'connection refused' });
      });

      test('findInLog finds the line of this server, and only since the time that it is asked about', async () => {
        const own = await world.newSet();
        const [server] = await list(own);
        const wanted = {
          namespace: own.ref.namespace,
          server: server!.name,
          container: own.main,
          text: `${server!.name} hot-reload loaded=1.0`,
          timeoutMs: 5_000,
        };
        const found = await until('the line in the log', async () => {
          const outcome = await cluster.findInLog(wanted);
          return outcome.kind === 'found' && outcome;
        });
        expect(found.line).toContain(wanted.text);
        const { startedAt } = containerOf(server!.containers, own.main)!.status!;
        expect(await cluster.findInLog({ ...wanted, since: startedAt })).toMatchObject({ kind: 'found' });
        expect(await cluster.findInLog({ ...wanted, text: 'loaded=9.9' })).toMatchObject({
          kind: 'absent',
          truncated: false,
        });
        const later = Date.now() + 60_000;
        expect(await cluster.findInLog({ ...wanted, since: later })).toMatchObject({ kind: 'absent', bytes: 0 });
      });

      test('findInLog says `failed` for a container or a server that there is not', async () => {
        const wanted = { namespace: set.ref.namespace, text: 'x', timeoutMs: 5_000 };
        const server = `${set.ref.name}-0`;
        expect(await cluster.findInLog({ ...wanted, server, container: 'nobody' })).toMatchObject({
          kind: 'failed',
          message: expect.stringContaining('nobody is not valid for pod') as string,
        });
        const missing = { ...wanted, server: 'nothing-here-0', container: set.main };
        expect(await cluster.findInLog(missing)).toEqual({
          kind: 'failed',
          message: 'there is no server nothing-here-0',
        });
      });

      test('a container says since when it runs', async () => {
        const [server] = await list(set);
        const startedAt = containerOf(server!.containers, set.main)?.status?.startedAt ?? 0;
        expect(Math.abs(Date.now() - startedAt)).toBeLessThan(15 * 60_000);
        expect(startedAt % 1000).toBe(0);
      });

      test('what OpenKruise found for a service quality is read with its result', async () => {
        const own = await world.newSet();
        const name = `${own.ref.name}-1`;
        expect((await list(own))[1]?.serviceQualities).toBeUndefined();
        await own.reportQuality(name, 'loaded', { status: 'True', message: 'v1.0|\n' });
        const server = await until('the result', async () => {
          const [found] = (await cluster.listServers(own.ref, { names: [name] })).servers;
          return found?.serviceQualities && found;
        });
        expect(server.serviceQualities).toEqual({ loaded: { status: 'True', message: 'v1.0' } });
      });
    });

    describe('Events on a set', () => {
      const anEvent = (of: ContractSet, change: Partial<SetEvent> = {}): SetEvent => ({
        name: `${of.ref.name}.hotwave.run.1`,
        set: of.ref,
        type: 'Normal',
        reason: 'HotwaveStarted',
        message: 'it has started',
        at: Math.floor(Date.now() / 1_000) * 1_000 + 123,
        ...change,
      });
      const seen = ({ set: _, ...event }: SetEvent): DescribedEvent => ({ ...event, from: 'hotwave' });

      test('are shown with it, each once, however often it is written', async () => {
        const own = await world.newSet();
        const started = anEvent(own);
        const name = `${own.ref.name}.hotwave.run.2`;
        const paused = anEvent(own, { name, type: 'Warning', reason: 'HotwavePaused', message: 'it is paused' });
        await cluster.recordEvent(started);
        await cluster.recordEvent(started);
        await cluster.recordEvent(paused);
        await cluster.recordEvent({ ...started, message: 'another sentence' });
        const described = [...(await own.described())].sort((left, right) => left.name.localeCompare(right.name));
        expect(described).toEqual([seen(started), seen(paused)]);
      });

      test('may be as long as notices make them, and are no complaints', async () => {
        const own = await world.newSet();
        const release = { set: own.ref } as Notice['release'];
        const text = '服'.repeat(1_000);
        const id = `${'r'.repeat(97)}.12`;
        const event = setEventOf({ v: 1, id, sequence: 12, kind: 'failing', at: Date.now(), text, release });
        await cluster.recordEvent(event);
        expect(await own.described()).toEqual([seen(event)]);
        expect(await cluster.readComplaints(own.ref, `${own.ref.name}-0`)).toEqual([]);
      });

      test('can be told of a set that is gone', async () => {
        const nowhere = { ...set.ref, name: `nowhere-${'x'.repeat(240)}` };
        const event = anEvent(set, { set: nowhere, name: 'nowhere.hotwave.run.1' });
        await expect(cluster.recordEvent(event)).resolves.toBeUndefined();
        await expect(cluster.recordEvent(event)).resolves.toBeUndefined();
        expect((await set.described()).map(({ name }) => name)).not.toContain(event.name);
      });

      test('have names that Kubernetes takes', async () => {
        const event = anEvent(set, { name: '../pods' });
        await expect(cluster.recordEvent(event)).rejects.toMatchObject({ reason: 'invalid' });
      });

      test('are asked for right before they are sent, and only then', async () => {
        const own = await world.newSet();
        const refused = (): Promise<void> => Promise.reject(new LeaseLost());
        await expect(cluster.recordEvent(anEvent(own), undefined, refused)).rejects.toThrow(LeaseLost);
        expect(await own.described()).toEqual([]);
      });
    });

    describe('callers', () => {
      test('who have given up get their own reason back', async () => {
        const signal = AbortSignal.abort(new Error('the activity was cancelled'));
        const given = 'the activity was cancelled';
        await expect(cluster.readSet(set.ref, signal)).rejects.toThrow(given);
        await expect(cluster.listServers(set.ref, {}, signal)).rejects.toThrow(given);
        const place = { host: '127.63.255.254', port: 1, timeoutMs: 5_000 };
        await expect(cluster.httpSend({ ...place, path: '/', method: 'POST' }, signal)).rejects.toThrow(given);
        await expect(cluster.tcpConnect(place, signal)).rejects.toThrow(given);
        const log = { namespace: 'default', server: 'x-0', container: 'x', text: 'x', timeoutMs: 5_000 };
        await expect(cluster.findInLog(log, signal)).rejects.toThrow(given);
        const event = { name: 'x', set: set.ref, type: 'Normal', reason: 'X', message: 'x', at: 0 } as const;
        await expect(cluster.recordEvent(event, signal)).rejects.toThrow(given);
        await expect(cluster.patch(setTarget(set.ref), { preconditions: [], changes: [] }, { signal })).rejects.toThrow(
          given,
        );
      });

      test('learn that nothing is missing of what a release needs', async () => {
        const logs = { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace: set.ref.namespace };
        expect(await cluster.missingAccess([...neededAccess(set.ref.namespace), logs])).toEqual([]);
      });

      test('learn the version of Kubernetes, and why they do not learn those of the controllers', async () => {
        expect(await cluster.versionOf('kubernetes')).toEqual({
          version: expect.stringMatching(/^v\d+\.\d+\.\d+/) as string,
        });
        for (const product of ['kruise', 'kruise-game'] as const) {
          expect(await cluster.versionOf(product)).toEqual({
            unknown: expect.stringMatching(/^the worker may not get deployment /) as string,
          });
        }
      });

      test('learn who they are, and why they do not learn of policies and namespaces', async () => {
        expect(await cluster.account()).toEqual({ name: SHIPPED_ACCOUNT });
        expect(await cluster.admissionPolicies()).toEqual({
          unknown: 'the worker may not list validatingadmissionpolicies, and need not',
        });
        expect(await cluster.hasNamespace(set.ref.namespace)).toBeUndefined();
      });

      test('learn which cluster this is', () => {
        expect(cluster.describe()).toMatch(/^https?:\/\/\S+ \(context \S+\)$/);
      });
    });
  });
}

function gameServerTarget(set: ContractSet, { name }: GameServerRecord) {
  return { kind: 'GameServer', namespace: set.ref.namespace, name } as const;
}
