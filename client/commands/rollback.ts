import { isFinal } from '../../release/progress/state.ts';
import { isPlain } from '../../release/spec/plain-text.ts';
import { STABLE } from '../../release/plan/way-back.ts';
import type { BackWish } from '../../release/plan/way-back.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { findReleaseIfAny, isOpen } from '../temporal/find-release.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { plainText } from '../terminal/untrusted.ts';
import { wishOf } from '../decisions/decision-choices.ts';
import type { DecideFlags } from '../decisions/decision-choices.ts';
import type { Target } from '../decisions/target.ts';
import { parseTarget, targetOf } from '../decisions/target.ts';
import { runDecide } from './decide.ts';
import type { FromClusterFlags } from './from-cluster.ts';
import { runFromCluster } from './from-cluster.ts';

/** Flags of `rollback`. */
export interface RollbackFlags extends DecideFlags, FromClusterFlags {
  readonly to?: string | undefined;
  readonly image?: string | undefined;
}

/**
 * Goes back: a release that runs is told to; while none runs, what is written on the set says what to go back to. So one
 * command is right after `done`, after a release that was left half-way, and after one that Temporal has ended or lost.
 */
export async function runRollback(io: Io, argument: string, flags: RollbackFlags): Promise<ExitCode> {
  const to = backWishOf(flags);
  demandOneKind(flags);
  wishOf(io, 'rollback', flags);
  const target = targetOf(io, argument, flags);
  if (flags.fromCluster === true) return runFromCluster(io, target, flags, to);
  const { running, set } = await withTemporal(io, flags, (temporal) => lookFor(temporal, target));
  if (running && to) throw runsAlready(running);
  if (running) return runDecide(io, 'rollback', argument, flags);
  say(io, plainText(`no release runs on ${set.namespace}/${set.name}: it goes back by what is written on the set`));
  return runFromCluster(io, set, flags, to);
}

const LONGEST = 1_024;

/** Flags of a rollback by what is written on the set. */
const WITHOUT_RELEASE = { to: '--to', image: '--image', fromCluster: '--from-cluster', file: '--file' } as const;
/** Flags of a rollback that a running release is told. */
const OF_RELEASE = { scope: '--scope', order: '--order', signal: '--signal', id: '--id' } as const;

/** One of the flags would not count, with either of the two rollbacks. @throws ExitError */
function demandOneKind(flags: RollbackFlags): void {
  const givenOf = (names: Partial<Record<keyof RollbackFlags, string>>): string | undefined =>
    Object.entries(names).find(([key]) => flags[key as keyof RollbackFlags] !== undefined)?.[1];
  const [onTheSet, told] = [givenOf(WITHOUT_RELEASE), givenOf(OF_RELEASE)];
  if (onTheSet === undefined || told === undefined) return;
  throw new ExitError(
    EXIT.usage,
    `${onTheSet} is for a rollback while no release runs, ${told} for one that a running release is told: leave one of them out`,
  );
}

/** @throws ExitError for a value that names nothing, or two different things */
function backWishOf({ to: version, image }: RollbackFlags): BackWish | undefined {
  for (const [flag, value] of [
    ['to', version],
    ['image', image],
  ] as const) {
    if (value !== undefined && (value.trim() === '' || value.length > LONGEST || !isPlain(value)))
      throw new ExitError(
        EXIT.usage,
        `--${flag} ${JSON.stringify(plainText(value.slice(0, 40)))}: expected a version or an image`,
      );
  }
  if (version === undefined && image === undefined) return undefined;
  if (version === STABLE && image !== undefined)
    throw new ExitError(
      EXIT.usage,
      '--to stable says by itself which image it is: leave --image out, or name the version of that image',
    );
  return { version, image };
}

interface Looked {
  readonly running?: { readonly release: string; readonly found: FoundRelease } | undefined;
  readonly set: Target;
}

/** The release that can still be told; who has said its last word is not. */
async function lookFor(temporal: Temporal, target: Target): Promise<Looked> {
  const found = await findReleaseIfAny(temporal, target);
  if (!found) return { set: target };
  const set = parseTarget(found.set, { cluster: found.cluster, namespace: target.namespace });
  if (!isOpen(found)) return { set };
  const state = await readStateIfAnswered(temporal, found.handle);
  if (state && isFinal(state.phase)) return { set };
  return { set, running: { found, release: state?.release ?? readAttributes(found.description).release } };
}

function runsAlready({ found: { set, reference }, release }: NonNullable<Looked['running']>): ExitError {
  return new ExitError(
    EXIT.refused,
    plainText(`${release} runs on ${set}: it goes back to what it says in hotwave status, and to nothing else`),
    [
      `hotwave rollback ${reference} rolls it back`,
      `for another version end it first: hotwave cancel ${reference} --then hold, then rollback --to`,
    ],
  );
}
