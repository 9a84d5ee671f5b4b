import type { Candidate, Place, TypedLine, ValueKind } from '../shell/candidates.ts';
import { ENDS } from '../shell/scripts.ts';
import { openLater, withTemporal } from '../temporal/connect.ts';
import type { Temporal } from '../temporal/connect.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { ListedRelease } from '../temporal/list-releases.ts';
import { listReleases } from '../temporal/list-releases.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import type { Io } from '../terminal/io.ts';
import { targetOf } from '../decisions/target.ts';
import { namedCluster } from '../terminal/flags.ts';
import { plainText } from '../terminal/untrusted.ts';

/** A person who has pressed Tab waits, so this long may Temporal think about it, in milliseconds. */
const PATIENCE = 1_000;
/** Releases that are looked at for their sets and names. */
const MOST_RELEASES = 200;
/** The characters of an explanation that a shell has room for in a line. */
const LONGEST_ABOUT = 60;

/** Prints what may stand under the cursor, one a line; whatever goes wrong, nothing: a shell has no place for errors. */
export async function runComplete(io: Io, { place, ...line }: TypedLine, current: string): Promise<void> {
  for (const { word, about } of await candidatesFor(io, line, place)) {
    if (!word.startsWith(current)) continue;
    const [plain, told] = [plainText(word), plainText(about ?? '', LONGEST_ABOUT)];
    io.stdout.write(told === '' ? `${plain}\n` : `${plain}\t${told}\n`);
  }
  io.stdout.write(`${place.kind === 'files' ? ENDS.files : ENDS.noFiles}\n`);
}

async function candidatesFor(io: Io, line: Line, place: Place): Promise<readonly Candidate[]> {
  if (place.kind === 'words') return place.words;
  if (place.kind !== 'value') return [];
  return valuesOf(io, line, place.of).catch(() => []);
}

type Line = Omit<TypedLine, 'place'>;

function valuesOf(io: Io, line: Line, of: ValueKind): Promise<readonly Candidate[]> {
  return withTemporal(
    io,
    line.flags,
    async (temporal) => {
      const until = Date.now() + PATIENCE;
      const hasty: Temporal = { ...temporal, call: (requests) => temporal.call(requests, until - Date.now()) };
      if (of === 'wave') return wavesOf(io, hasty, line);
      const cluster = of === 'cluster' ? undefined : namedCluster(line.flags);
      return VALUES[of](await listReleases(hasty, { cluster }, MOST_RELEASES), line);
    },
    openLater,
  );
}

const VALUES: Readonly<
  Record<Exclude<ValueKind, 'wave'>, (releases: readonly ListedRelease[], line: Line) => readonly Candidate[]>
> = {
  set: setsAndReleases,
  namespace: (releases) => once(releases.map(({ set }) => ({ word: set.split('/')[0] ?? '' }))),
  cluster: (releases) => once(releases.map(({ cluster }) => ({ word: cluster }))),
};

/** Where -n says the namespace, a set of it needs none. */
function setsAndReleases(releases: readonly ListedRelease[], { flags: { namespace } }: Line): readonly Candidate[] {
  const found = releases.flatMap(({ set, release, phase }) => {
    if (namespace === undefined)
      return [
        { word: set, about: `${release}: ${phase}` },
        { word: release, about: `${set}: ${phase}` },
      ];
    return set.startsWith(`${namespace}/`)
      ? [{ word: set.slice(namespace.length + 1), about: `${release}: ${phase}` }]
      : [];
  });
  return once(found);
}

async function wavesOf(io: Io, temporal: Temporal, { flags, arguments: [set] }: Line): Promise<readonly Candidate[]> {
  if (set === undefined) return [];
  const target = targetOf(io, set, { ...flags, namespace: flags['namespace'] ?? 'default' });
  const state = await readStateIfAnswered(temporal, (await findRelease(temporal, target)).handle);
  return (state?.waves ?? []).map(({ number, status }) => ({ word: `${number}`, about: status }));
}

/** The first of each word: lists are newest first. */
function once(candidates: readonly Candidate[]): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (candidate.word !== '' && !found.has(candidate.word)) found.set(candidate.word, candidate);
  }
  return [...found.values()];
}
