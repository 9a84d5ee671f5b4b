import pLimit from 'p-limit';
import {
  createSet,
  fleetImage,
  serverPath,
  setImage,
  sidecarContainer,
  waitForServers,
} from '../lab/game-server-sets.ts';
import { containerStatus } from '../lab/kubernetes-objects.ts';
import type { GameServer, Pod } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { until } from '../lab/until.ts';
import type { LabVersions } from '../lab/versions.ts';

/** How many writes of one kind were made, and how many of them the controller undid. */
export interface LostWrites {
  readonly what: string;
  readonly written: number;
  readonly lost: number;
}

const SET = 'written';
const SERVERS = 40;
const ROUNDS = 5;
/** As many as a quick tool would send at once. */
const WRITERS = 16;
const NOTE = 'example.com/note';

/**
 * Writes fields of GameServers while OpenKruiseGame works on the same objects, once each and without looking, and
 * counts in the quiet afterwards how many do not hold the value that was written last. Nothing of hotwave takes part.
 */
export async function countLostWrites(
  versions: LabVersions,
  log: (line: string) => void,
): Promise<readonly LostWrites[]> {
  const lab = await startLab({ kind: 'fleet', versions, log, swap: { fromMs: 50, toMs: 200 } });
  try {
    await createSet(lab.api, { name: SET, replicas: SERVERS, nodeName: lab.nodeName });
    const counts = new Map<string, number>();
    for (let round = 1; round <= ROUNDS; round += 1) {
      log(`lost writes: round ${round} of ${ROUNDS}`);
      for (const [what, lost] of [...(await duringAnUpdate(lab, round)), ...(await oneAfterTheOther(lab, round))]) {
        counts.set(what, (counts.get(what) ?? 0) + lost);
      }
    }
    return [...counts].map(([what, lost]) => ({ what, written: SERVERS * ROUNDS, lost }));
  } finally {
    await lab.stop();
  }
}

const nameOf = (index: number): string => `${SET}-${index}`;

/** The whole set changes its image in place, and meanwhile each GameServer is written once. */
async function duringAnUpdate(lab: Lab, round: number): Promise<readonly [string, number][]> {
  const image = fleetImage(`set-${round}`);
  const opsState = round % 2 === 1 ? 'Maintaining' : 'None';
  await setImage(lab.api, SET, image);
  await writeAll(lab, (index) => ({
    metadata: { annotations: { [NOTE]: `${round}-${index}` } },
    spec: { updatePriority: round * 100 + index, opsState },
  }));
  await waitForServers(lab.api, { name: SET, count: SERVERS, deadlineMs: 60_000, isAsWanted: runs(image) });
  const servers = await quietServers(lab);
  return [
    ['updatePriority', lost(servers, ({ spec }, index) => Number(spec.updatePriority) === round * 100 + index)],
    ['opsState', lost(servers, ({ spec }) => spec.opsState === opsState)],
    ['annotation', lost(servers, ({ metadata }, index) => metadata.annotations?.[NOTE] === `${round}-${index}`)],
  ];
}

/** Each GameServer gets an override of its image, another one while the controller still takes up the first, and none. */
async function oneAfterTheOther(lab: Lab, round: number): Promise<readonly [string, number][]> {
  const overrides = (tag: string): object => ({
    spec: { containers: [{ name: sidecarContainer, image: fleetImage(tag) }] },
  });
  await writeAll(lab, () => overrides(`first-${round}`));
  await writeAll(lab, () => overrides(`second-${round}`));
  const changed = await quietServers(lab);
  const isSecond = ({ spec }: GameServer): boolean => spec.containers?.[0]?.image === fleetImage(`second-${round}`);
  await writeAll(lab, () => overrides(`third-${round}`));
  await writeAll(lab, () => ({ spec: { containers: null } }));
  const cleared = await quietServers(lab);
  await leaveNoOverride(lab);
  return [
    ['override changed', lost(changed, isSecond)],
    ['override cleared', lost(cleared, ({ spec }) => (spec.containers ?? []).length === 0)],
  ];
}

/** An override that came back would keep its server from the next round's image. */
async function leaveNoOverride(lab: Lab): Promise<void> {
  await until({ what: 'the overrides to be gone', deadlineMs: 120_000, everyMs: 300 }, async () => {
    const left = (await quietServers(lab)).filter(({ spec }) => (spec.containers ?? []).length > 0);
    for (const { metadata } of left) await lab.api.patch(serverPath(metadata.name), { spec: { containers: null } });
    return left.length === 0;
  });
}

async function writeAll(lab: Lab, body: (index: number) => object): Promise<void> {
  const limit = pLimit(WRITERS);
  const indexes = Array.from({ length: SERVERS }, (_, index) => index);
  await Promise.all(indexes.map((index) => limit(() => lab.api.patch(serverPath(nameOf(index)), body(index)))));
}

/** The GameServers by ordinal, once two looks a second apart show the same versions of all of them. */
async function quietServers(lab: Lab): Promise<readonly GameServer[]> {
  const selector = encodeURIComponent(`game.kruise.io/owner-gss=${SET}`);
  let before = '';
  let found: readonly GameServer[] = [];
  await until({ what: 'the GameServers to be quiet', deadlineMs: 120_000, everyMs: 1_000 }, async () => {
    const path = `${serverPath('').replace(/\/$/, '')}?labelSelector=${selector}`;
    const { items } = await lab.api.list<GameServer>(path);
    found = Array.from({ length: SERVERS }, (_, index) =>
      items.find(({ metadata }) => metadata.name === nameOf(index)),
    ).filter((server) => server !== undefined);
    const now = found.map(({ metadata }) => metadata.resourceVersion).join();
    const isQuiet = found.length === SERVERS && now === before;
    before = now;
    return isQuiet;
  });
  return found;
}

function lost(servers: readonly GameServer[], holds: (server: GameServer, index: number) => boolean): number {
  return servers.filter((server, index) => !holds(server, index)).length;
}

const runs =
  (image: string) =>
  (pod: Pod): boolean =>
    containerStatus(pod, sidecarContainer)?.image === image;
