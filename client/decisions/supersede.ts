import { setTimeout as delay } from 'node:timers/promises';
import { formatDuration } from '../../release/spec/quantity.ts';
import { isFinal } from '../../release/progress/state.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { decisionFor } from './decision.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { FoundRelease } from '../temporal/find-release.ts';
import { isOpen, latestOnSet } from '../temporal/find-release.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import { readStateIfAnswered } from '../temporal/read-state.ts';
import { progressLine } from '../render/progress-line.ts';
import { readAttributes } from '../temporal/search-attributes.ts';
import { sendDecision } from './send-decision.ts';
import { plainText } from '../terminal/untrusted.ts';

/** How a newer release takes over from the one that runs. */
export interface Supersession {
  /** The servers of the older release: they stay as they are for the newer one, or go back first. */
  readonly then: 'adopt' | 'rollback';
  /** How long the older one may take to end, in milliseconds. */
  readonly within: number;
}

const LOOK_MS = 500;

/**
 * Ends another release that runs on the set, so that a newer one can start: it is told, and its end is waited for.
 * @throws ExitError when it refuses, needs a person, or does not end in time; nothing is started then
 */
export async function supersede(
  io: Io,
  temporal: Temporal,
  { file, cluster, requester }: ReleaseInput,
  wish: Supersession,
): Promise<void> {
  const by = file.metadata.name;
  const { namespace, gameServerSet: name } = file.spec.target;
  const older = await latestOnSet(temporal, { cluster, namespace, name });
  if (!older || !isOpen(older) || readAttributes(older.description).release === by) return;
  const release = await tell(temporal, older, { by, actor: requester, then: wish.then });
  if (release === undefined) return;
  say(io, plainText(`${by} takes over from ${release} on ${older.set}`));
  const stop = new AbortController();
  const forget = io.onInterrupt(() =>
    stop.abort(new ExitError(EXIT.stoppedWatching, `stopped waiting: ${release} ends by itself, ${by} is not started`)),
  );
  try {
    await untilEnded(io, temporal, older, { by, within: wish.within, stop: stop.signal });
  } finally {
    forget();
  }
}

/** The name of the release that is ending now; undefined when it has just ended by itself. */
async function tell(
  temporal: Temporal,
  older: FoundRelease,
  { by, actor, then }: { readonly by: string; readonly actor: string; readonly then: Supersession['then'] },
): Promise<string | undefined> {
  const state = await readStateIfAnswered(temporal, older.handle);
  if (!state) throw silence(older);
  if (isFinal(state.phase)) return state.release;
  const outcome = then === 'adopt' ? 'hold' : 'rollback';
  const decision = decisionFor({ verb: 'supersede', by, actor, then: outcome }, state.release, state);
  const answer = await sendDecision(temporal, older, decision);
  if (!answer) throw silence(older);
  if (answer.accepted || state.supersededBy === by) return state.release;
  throw new ExitError(EXIT.refused, plainText(`${state.release} does not let ${by} take over: ${answer.message}`), [
    `see hotwave status ${older.reference}`,
  ]);
}

function silence({ set }: FoundRelease): ExitError {
  return new ExitError(EXIT.unreachable, `no worker answers for the release on ${set}; nothing was started`);
}

interface Waiting {
  readonly by: string;
  readonly within: number;
  readonly stop: AbortSignal;
}

async function untilEnded(io: Io, temporal: Temporal, older: FoundRelease, waiting: Waiting): Promise<void> {
  const deadline = performance.now() + waiting.within;
  let shown = '';
  for (;;) {
    const description = await temporal.call(() => older.handle.describe());
    const state = await readStateIfAnswered(temporal, older.handle).catch(() => undefined);
    const line = state ? plainText(`${state.release}: ${progressLine(state)}`) : '';
    if (line !== '' && line !== shown) say(io, line);
    shown = line;
    if (!isOpen({ description })) return;
    if (state?.phase === 'paused' && state.pausedBecause !== undefined)
      throw notEnded(older, waiting.by, `${state.release} needs a person: ${state.pausedBecause}`);
    if (performance.now() > deadline)
      throw notEnded(older, waiting.by, `it has not ended within ${formatDuration(waiting.within)}`);
    // An abort is seen right below; it is no error of the clock.
    await delay(LOOK_MS, undefined, { signal: waiting.stop }).catch(() => undefined);
    waiting.stop.throwIfAborted();
  }
}

function notEnded({ reference }: FoundRelease, by: string, reason: string): ExitError {
  return new ExitError(EXIT.refused, plainText(`${by} was not started: ${reason}`), [
    `see hotwave status ${reference}`,
    'start it again when the other one has ended',
  ]);
}
