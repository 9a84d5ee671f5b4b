import { commandLine } from '../../release/narrate/shell.ts';
import { parseDuration } from '../../release/spec/quantity.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { isFinal } from '../../release/progress/state.ts';
import { beginningOfStart } from '../../release/decisions/canonical.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { Temporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT, exitCodeOf } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { ClusterFlags } from '../terminal/flags.ts';
import { actorOf, clusterOf } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import type { LinkFlags } from '../temporal/links.ts';
import { temporalUiLink } from '../temporal/links.ts';
import { print } from '../terminal/print.ts';
import { awaitState } from '../temporal/read-state.ts';
import { blamelessFile, loadReleaseFile } from '../decisions/release-file.ts';
import { renderStarted } from '../render/status.ts';
import type { StartedRelease } from '../decisions/start-release.ts';
import { startRelease } from '../decisions/start-release.ts';
import type { SignFlags } from '../decisions/sign.ts';
import { vouchIfWanted } from '../decisions/sign.ts';
import type { Supersession } from '../decisions/supersede.ts';
import { supersede } from '../decisions/supersede.ts';
import { demandWorker } from '../temporal/task-queue.ts';
import type { WatchFlags } from '../terminal/watch-release.ts';
import { timeoutOf, watchRelease } from '../terminal/watch-release.ts';
import { plainText } from '../terminal/untrusted.ts';

/** Flags of `start`. */
export interface StartFlags extends ClusterFlags, LinkFlags, WatchFlags, SignFlags {
  readonly requester?: string | undefined;
  readonly wait?: boolean | undefined;
  readonly supersede?: Supersession['then'] | undefined;
  readonly supersedeTimeout?: string | undefined;
  readonly takeover?: string | undefined;
  readonly duringFreeze?: string | undefined;
}

const PLANNING = { within: 120_000, interval: 200 } as const;

/** Starts a release, waits until its plan stands or it was refused, and follows it if asked to. */
export async function runStart(io: Io, path: string, flags: StartFlags): Promise<ExitCode> {
  // A wrong flag must be known before anything is started.
  demandWaiting(flags);
  timeoutOf(flags);
  const urgency = urgencyOf(flags);
  const supersession = supersessionOf(flags);
  const requester = actorOf(io, flags.requester);
  const takeover = takeoverOf(flags, requester);
  const file = await loadReleaseFile(io, path);
  const cluster = clusterOf(io, flags);
  const begin = async (temporal: Temporal): Promise<ExitCode> => {
    const wanted: ReleaseInput = { v: 1, file, cluster, requester, ...urgency, ...takeover };
    const input = { ...wanted, ...(await vouchIfWanted(io, flags, beginningOfStart(wanted))) };
    if (supersession) await supersede(io, temporal, input, supersession);
    const started = await startRelease(temporal, input);
    await announce(io, temporal, started, flags);
    const state = await planned(io, temporal, started);
    if (state.phase === 'refused') say(io, `every check, and what mends it: ${commandLine('plan', path)}`);
    if (flags.wait !== true || state.phase === 'refused') return showPlanned(io, started, state, flags);
    if (io.stdout.isTTY !== true) say(io, plainText(summaryOf(state)));
    return watchRelease(io, temporal, started, flags);
  };
  return blamelessFile(path, (answered) =>
    withTemporal(io, flags, async (temporal) => {
      await demandWorker(temporal, cluster, io.now());
      answered();
      return begin(temporal);
    }),
  );
}

/** Why it is to start even in a freeze window. @throws ExitError when no reason is given */
function urgencyOf({ duringFreeze }: StartFlags): Pick<ReleaseInput, 'duringFreeze'> {
  if (duringFreeze === undefined) return {};
  const reason = duringFreeze.trim();
  if (reason !== '' && reason.length <= MOST_OF_A_REASON) return { duringFreeze: { reason } };
  throw new ExitError(EXIT.usage, `--during-freeze: expected a reason of at most ${MOST_OF_A_REASON} characters`);
}

/** As much as the reason of a decision. */
const MOST_OF_A_REASON = 1_000;

function demandWaiting({ wait, timeout, until, output }: StartFlags): void {
  if (wait === true && output === 'name')
    throw new ExitError(
      EXIT.usage,
      '-o name prints the set and nothing else: leave --wait out, and wait with hotwave wait',
    );
  if (wait === true || (timeout === undefined && until === 'done')) return;
  throw new ExitError(EXIT.usage, '--until and --timeout say how long to wait: give --wait with them');
}

function supersessionOf({ supersede: then, supersedeTimeout: given }: StartFlags): Supersession | undefined {
  if (then === undefined) {
    if (given === undefined) return undefined;
    throw new ExitError(EXIT.usage, '--supersede-timeout: give --supersede adopt or rollback with it');
  }
  const within = parseDuration(given ?? '30m');
  if (within !== undefined && within > 0) return { then, within };
  throw new ExitError(
    EXIT.usage,
    `--supersede-timeout ${JSON.stringify(given)}: expected a duration such as 90s, 5m or 4h`,
  );
}

function takeoverOf({ takeover: reason }: StartFlags, actor: string): Pick<ReleaseInput, 'takeover'> {
  if (reason === undefined) return {};
  if (reason.trim() !== '') return { takeover: { actor, reason: reason.slice(0, 1_000) } };
  throw new ExitError(EXIT.usage, 'say why you know that the other release is dead: --takeover "..."');
}

async function showPlanned(
  io: Io,
  { reference }: StartedRelease,
  state: ReleaseState,
  { output }: StartFlags,
): Promise<ExitCode> {
  await print(io, output, state, (plain, view) => renderStarted(plain, io.now(), view));
  if (isFinal(state.phase)) return exitCodeOf(state);
  say(io, `follow it: hotwave watch ${reference}`);
  return EXIT.ok;
}

/** The first lines of a log. */
function summaryOf({ release, set, previousVersion, version, waves }: ReleaseState): string {
  const servers = waves.reduce((sum, { size }) => sum + size, 0);
  const from = previousVersion === '' ? '' : `${previousVersion} → `;
  return `${release} on ${set.namespace}/${set.name}: ${from}${version}, servers: ${servers}, waves: ${waves.length}`;
}

async function announce(
  io: Io,
  { address, namespace }: Temporal,
  { alreadyRunning, handle: { workflowId }, description: { runId }, set }: StartedRelease,
  flags: StartFlags,
): Promise<void> {
  if (alreadyRunning) say(io, `this release is running on ${plainText(set)} already; nothing was started`);
  const link = await temporalUiLink(io, flags, { address, namespace, workflowId, runId });
  if (link !== undefined) say(io, link);
}

async function planned(io: Io, temporal: Temporal, { handle, reference }: StartedRelease): Promise<ReleaseState> {
  const hints = [`it goes on by itself: hotwave watch ${reference}`];
  const stop = new AbortController();
  const interrupted = new ExitError(EXIT.stoppedWatching, 'stopped waiting; the release is started', hints);
  const release = io.onInterrupt(() => stop.abort(interrupted));
  try {
    const isPlanned = ({ phase }: ReleaseState): boolean => phase !== 'planning';
    const state = await awaitState(temporal, handle, { ...PLANNING, is: isPlanned, stop: stop.signal });
    if (isPlanned(state)) return state;
  } finally {
    release();
  }
  throw new ExitError(
    EXIT.unreachable,
    'the release is started, but its plan is not ready: the cluster answers slowly or not at all',
    hints,
  );
}
