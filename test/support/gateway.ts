import { Webhook } from 'standardwebhooks';
import type { Notice, ReleaseCard } from '../../release/notices/notice.ts';

/** The secret that tests sign notices and decisions with. */
export const SECRET = `whsec_${Buffer.from('a secret of twenty-four bytes').toString('base64')}`;

/** A card of a release whose gate before wave 2 is open. */
export function aCard(change: Partial<ReleaseCard> = {}): ReleaseCard {
  return {
    cluster: 'eu',
    set: { namespace: 'arena', name: 'duel' },
    release: 'duel-2',
    workflowId: 'hotwave/eu/arena/duel',
    runId: '0b0f2a52-6a1f-4a3e-9d0f-0d5e9f3f5a11',
    temporalNamespace: 'default',
    planHash: 'abcdef0123456789',
    strategy: 'rolling',
    version: 'v2',
    previousVersion: 'v1',
    requester: 'ann',
    phase: 'waiting-approval',
    why: 'wave 2 waits for 1 more of ops',
    startedAt: 1_000,
    waves: [
      { number: 1, name: 'canary', size: 2, status: 'done', proven: 2, failed: 0 },
      { number: 2, name: 'rest', size: 8, status: 'pending', proven: 0, failed: 0 },
    ],
    failures: [],
    failed: 0,
    gate: { wave: 2, missing: '1 more of ops', approvedBy: [] },
    decisions: [],
    can: ['approve', 'reject', 'pause', 'rollback', 'cancel'],
    ...change,
  };
}

/** A notice that tells of this card. */
export function aNotice(change: Partial<Notice> = {}): Notice {
  return {
    v: 1,
    id: 'notice-1',
    sequence: 1,
    kind: 'gate-opened',
    at: 2_000,
    text: 'the gate is open',
    release: aCard(),
    ...change,
  };
}

/** A signed request as Standard Webhooks has it, made by its own library. */
export function signedWebhook(
  id: string,
  body: string,
  at: number,
  secret = SECRET,
): { readonly body: string; readonly headers: Record<string, string> } {
  const seconds = Math.floor(at / 1_000);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': new Webhook(secret).sign(id, new Date(seconds * 1_000), body),
    },
  };
}
