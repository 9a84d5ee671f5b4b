import { setTimeout as delay } from 'node:timers/promises';
import { WorkflowNotFoundError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { DecisionAnswer } from '../../release/decisions/decision.ts';
import type { HaltOfScope, HaltScope, HaltState } from '../../release/decisions/halt.ts';
import { haltSentence, scopeName } from '../../release/decisions/halt.ts';
import { isNamespace } from '../../release/spec/name-patterns.ts';
import { durationUpTo } from '../../release/spec/quantity.ts';
import type { HaltResult, UnhaltMessage, UnhaltSetMessage } from '../../workflows/messages.ts';
import { HALT_MESSAGES } from '../../workflows/messages.ts';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { ClusterFlags, OutputFormat } from '../terminal/flags.ts';
import { actorOf, clusterOf, namedCluster } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { say } from '../terminal/io.ts';
import type { FoundHalt } from '../decisions/halts.ts';
import { askHalt, findHalt, listHalts, startHalt } from '../decisions/halts.ts';
import { print } from '../terminal/print.ts';
import { renderHalt, renderHalts } from '../render/halt.ts';
import type { SignFlags } from '../decisions/sign.ts';
import { vouchIfWanted } from '../decisions/sign.ts';
import { targetOf } from '../decisions/target.ts';
import { demandWorker } from '../temporal/task-queue.ts';
import { plainText } from '../terminal/untrusted.ts';

/** Flags of `halt`, `unhalt` and `halts`. */
export interface HaltFlags extends ClusterFlags, SignFlags {
  readonly output: OutputFormat;
  readonly namespace?: string | undefined;
  readonly reason?: string | undefined;
  readonly actor?: string | undefined;
  readonly for?: string | undefined;
  readonly only?: string | undefined;
}

const LONGEST_REASON = 1_000;
/** How long the first look may take to be shown: the halt itself stands from the start. */
const FIRST_LOOK_MS = 10_000;
const LOOK_MS = 200;
const STOP_TIMEOUT = 10_000;
const LET_GO_TIMEOUT = 60_000;

/** Halts the releases of a namespace or a cluster, and shows who stands still. */
export function runHalt(io: Io, flags: HaltFlags): Promise<ExitCode> {
  const halt = haltOf(io, flags);
  return withTemporal(io, flags, async (temporal) => {
    await demandWorker(temporal, halt.cluster, io.now());
    const { cluster, namespace, actor, reason, until } = halt;
    const vouch = await vouchIfWanted(io, flags, { verb: 'halt', cluster, namespace, actor, reason, until });
    const handle = await startHalt(temporal, halt, vouch);
    const state = (await afterFirstLook(temporal, handle)) ?? halt;
    await demandBegun(temporal, handle, state);
    await print(io, flags.output, state, (plain, view) => renderHalt(plain, io.now(), view));
    return EXIT.ok;
  });
}

/** @throws ExitError when the policy of the cluster has ended it at once, and it is not in anybody's way any more */
async function demandBegun(
  temporal: Temporal,
  handle: WorkflowHandle,
  { endedBy }: HaltOfScope & Partial<Pick<HaltState, 'endedBy'>>,
): Promise<void> {
  if (!endedBy) return;
  await temporal.call(() => handle.result() as Promise<unknown>, STOP_TIMEOUT).catch(() => undefined);
  throw new ExitError(EXIT.refused, plainText(endedBy.reason));
}

function haltOf(io: Io, flags: HaltFlags): HaltOfScope {
  const { reason } = flags;
  if (reason === undefined || reason.trim() === '')
    throw new ExitError(
      EXIT.usage,
      'say why: halt --reason "...", everybody whose release stands still wants to know',
      ['hotwave halts shows which releases are halted'],
    );
  if (reason.length > LONGEST_REASON) throw new ExitError(EXIT.usage, `--reason: at most ${LONGEST_REASON} characters`);
  const since = io.now();
  const until = since + timeOf(flags);
  return { ...scopeOf(io, flags), actor: actorOf(io, flags.actor), reason: plainText(reason), since, until };
}

function scopeOf(io: Io, flags: HaltFlags): HaltScope {
  const namespace = namespaceOf(flags);
  return { cluster: clusterOf(io, flags), ...(namespace === undefined ? {} : { namespace }) };
}

function timeOf({ for: given = '24h' }: HaltFlags): number {
  const parsed = durationUpTo('7d').safeParse(given);
  if (parsed.success && parsed.data > 0) return parsed.data;
  throw new ExitError(
    EXIT.usage,
    `--for ${JSON.stringify(given)}: expected a time such as 12h, at most 7d: nothing waits for ever`,
  );
}

/** A server that stands still is known a moment after the start. */
async function afterFirstLook(temporal: Temporal, handle: WorkflowHandle): Promise<HaltState | undefined> {
  const deadline = performance.now() + FIRST_LOOK_MS;
  for (;;) {
    const state = await askHalt(temporal, handle);
    const settled = state?.releases?.every(({ phase }) => phase === 'halted' || phase === 'rolling-back') === true;
    if (settled || performance.now() > deadline) return state;
    await delay(LOOK_MS);
  }
}

/** Lets halted releases go on, and waits until its releases have been told. */
export function runUnhalt(io: Io, flags: HaltFlags): Promise<ExitCode> {
  if (flags.only !== undefined) return runUnhaltOnly(io, flags, flags.only);
  const scope = scopeOf(io, flags);
  return withTemporal(io, flags, async (temporal) => {
    const handle = await findHalt(temporal, scope);
    if (!handle) throw await notStopped(temporal, scope);
    const answer = await sendUnhalt(temporal, handle, await wishToUnhalt(io, flags, scope));
    const left = answer.accepted ? await leftOf(temporal, handle) : [];
    await print(io, flags.output, { ...answer, left }, (plain) => plain.message);
    for (const sentence of left) say(io, plainText(sentence));
    if (!answer.accepted) return EXIT.refused;
    return left.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** Lets one set go on, whichever halts hold it: that of its namespace, that of its cluster, or both. */
function runUnhaltOnly(io: Io, flags: HaltFlags, only: string): Promise<ExitCode> {
  const { cluster, namespace, name } = targetOf(io, only, { ...flags, namespace: flags.namespace ?? 'default' });
  if (flags.namespace !== undefined && flags.namespace !== namespace)
    throw new ExitError(
      EXIT.usage,
      `--only ${only} is in namespace ${namespace}, --namespace says ${flags.namespace}: leave --namespace out`,
    );
  return withTemporal(io, flags, async (temporal) => {
    const wish = await wishToUnhalt(io, flags, { cluster, namespace }, name);
    const message: UnhaltSetMessage = { ...wish, set: { namespace, name } };
    const scopes: readonly HaltScope[] = [{ cluster }, { cluster, namespace }];
    const halts = await Promise.all(scopes.map((scope) => findHalt(temporal, scope)));
    const found = halts.filter((handle) => handle !== undefined);
    if (found.length === 0) throw await notStopped(temporal, { cluster, namespace });
    const answers = await Promise.all(found.map((handle) => sendUnhaltSet(temporal, handle, message)));
    const accepted = answers.every((answer) => answer.accepted);
    const text = answers.map((answer) => answer.message).join('; ');
    await print(io, flags.output, { accepted, message: text }, (plain) => plain.message);
    return accepted ? EXIT.ok : EXIT.refused;
  });
}

/** The person who lets releases go on, and why, signed where that is wanted; what is signed is what is sent. */
async function wishToUnhalt(
  io: Io,
  flags: HaltFlags,
  { cluster, namespace }: HaltScope,
  set?: string,
): Promise<UnhaltMessage> {
  const reason = plainText(flags.reason ?? '');
  const wish = { actor: actorOf(io, flags.actor), reason: reason === '' ? 'no reason given' : reason };
  return { ...wish, ...(await vouchIfWanted(io, flags, { verb: 'unhalt', cluster, namespace, set, ...wish })) };
}

const sendUnhalt = (temporal: Temporal, handle: WorkflowHandle, message: UnhaltMessage): Promise<DecisionAnswer> =>
  send(temporal, handle, { update: HALT_MESSAGES.unhalt, signal: HALT_MESSAGES.unhaltSignal, message });

const sendUnhaltSet = (
  temporal: Temporal,
  handle: WorkflowHandle,
  message: UnhaltSetMessage,
): Promise<DecisionAnswer> =>
  send(temporal, handle, { update: HALT_MESSAGES.unhaltSet, signal: HALT_MESSAGES.unhaltSetSignal, message });

interface Sending {
  readonly update: string;
  readonly signal: string;
  readonly message: UnhaltMessage | UnhaltSetMessage;
}

async function send(
  temporal: Temporal,
  handle: WorkflowHandle,
  { update, signal, message }: Sending,
): Promise<DecisionAnswer> {
  try {
    return await temporal.call(
      () => handle.executeUpdate<DecisionAnswer, [Sending['message']]>(update, { args: [message] }),
      STOP_TIMEOUT,
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { accepted: true, message: 'the releases go on already' };
    if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)) throw error;
    // Temporal keeps a signal until a worker runs.
    await temporal.call(() => handle.signal<[Sending['message']]>(signal, message));
    throw new ExitError(EXIT.unreachable, 'no worker answers; the releases go on as soon as one runs');
  }
}

/** Sentences about releases that could not be told. */
async function leftOf(temporal: Temporal, handle: WorkflowHandle): Promise<readonly string[]> {
  try {
    const { left } = (await temporal.call(() => handle.result(), LET_GO_TIMEOUT)) as HaltResult;
    return left;
  } catch {
    return ['not every release has said that it goes on: hotwave list shows them'];
  }
}

async function notStopped(temporal: Temporal, scope: HaltScope): Promise<ExitError> {
  const halts = await listHalts(temporal, scope.cluster).catch(() => []);
  return new ExitError(
    EXIT.refused,
    plainText(`the releases of ${scopeName(scope)} are not halted`),
    halts.map((halt) => plainText(haltSentence(halt))),
  );
}

/** @throws ExitError for a name that no namespace has */
function namespaceOf({ namespace }: HaltFlags): string | undefined {
  if (namespace === undefined || isNamespace(namespace)) return namespace;
  throw new ExitError(EXIT.usage, `--namespace ${JSON.stringify(namespace)}: expected the name of a namespace`);
}

/** Shows which releases are halted; the exit code says to scripts whether one is. */
export function runHalts(io: Io, flags: HaltFlags): Promise<ExitCode> {
  const namespace = namespaceOf(flags);
  return withTemporal(io, flags, async (temporal) => {
    const all = await listHalts(temporal, namedCluster(flags));
    const halts = all.filter((halt) => concerns(halt, namespace));
    await print(io, flags.output, halts, (plain, view) => renderHalts(plain, io.now(), view));
    return halts.length === 0 ? EXIT.ok : EXIT.waiting;
  });
}

/** A halt of the whole cluster is about every namespace of it. */
function concerns({ namespace }: FoundHalt, wanted: string | undefined): boolean {
  return wanted === undefined || namespace === undefined || namespace === wanted;
}
