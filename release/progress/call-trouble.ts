import { z } from 'zod';
import { momentSchema } from '../spec/quantity.ts';
import { plainText } from '../spec/plain-text.ts';
import type { Wait } from './state.ts';

/** The part that waits while a call of a release fails and is made again, by the name of its activity. */
const WAITING: Readonly<Record<string, string>> = {
  stageTemplate: 'the write of the new image',
  stageForNewServers: 'the write of the new image',
  openWave: 'the write that lets servers move',
  changeControls: 'the write of the set controls',
  reassertSet: 'the write over the edit',
  rollBackSet: 'the write of the old image',
  rollBackNewServers: 'the write of the old image',
  restoreSet: 'the write of updateStrategy',
  recordRelease: 'the record on the set',
  recordStuck: 'the record on the set',
  changePriorities: 'the write of priorities',
  overrideServers: 'the write of overrides',
  settleOverrides: 'the write of overrides',
  reloadServers: 'the reload',
  awaitReady: 'the look at the servers',
  admitServers: 'the look at the servers',
  checkServers: 'the look at the servers',
  bakeWave: 'the look at the servers',
  lookAtFleet: 'the look at the servers',
  verifyFleet: 'the look at the servers',
  rollbackSnapshot: 'the look at the servers',
  whereabouts: 'the look at the servers',
  findNewcomers: 'the look at the servers',
  followNewServers: 'the look at the servers',
  verifyTemplate: 'the look at the set',
};

/** True for the activities that a release waits for: their trouble is its own. */
export function isAwaited(activity: string): boolean {
  return Object.hasOwn(WAITING, activity);
}

const LONGEST_REASON = 400;

/** A call of a release has failed and is made again; without a reason: it goes through by now. */
export const callTroubleSchema = z.object({
  activity: z.string().refine(isAwaited, 'expected an activity that a release waits for'),
  /** The attempt that has failed, from 1. */
  attempt: z.int().min(1).max(1_000_000),
  /** The words that were said to it. */
  reason: z
    .string()
    .max(10_000)
    .transform((text) => plainText(text, LONGEST_REASON))
    .optional(),
  /** When the call was scheduled, milliseconds since the epoch. */
  scheduledAt: momentSchema,
  /** When it gives up, milliseconds since the epoch. */
  until: momentSchema,
});
/** A call of a release has failed and is made again; without a reason: it goes through by now. */
export type CallTrouble = z.output<typeof callTroubleSchema>;

/**
 * The wait of a release while a call fails: the call itself, whoever does not let it through, and the end of the call.
 * The deadline of what comes after it says nothing meanwhile.
 */
export function waitInTrouble(wait: Wait, { activity, attempt, reason = '', until }: CallTrouble): Wait {
  const what = WAITING[activity] ?? activity;
  const sentence = `${what} waits and is sent again; attempt ${attempt} failed: ${reason}`;
  return { ...wait, for: wait.for === '' ? sentence : `${wait.for}; ${sentence}`, owner: refuserOf(reason), until };
}

/** The cause that does not let a call through, by the words of the failure. */
function refuserOf(reason: string): string {
  const [, plugin] = /^the credential plugin (\S+) /.exec(reason) ?? [];
  if (plugin !== undefined) return `the credential plugin ${plugin}`;
  const [, webhook] = /\bwebhook "([^" ]{1,253})"/.exec(reason) ?? [];
  return webhook === undefined ? 'the API server' : `the admission webhook ${webhook}`;
}
