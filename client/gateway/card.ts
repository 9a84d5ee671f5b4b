import { counted } from '../../release/spec/counted.ts';
import type { Notice, NoticeKind, ReleaseCard } from '../../release/notices/notice.ts';
import type { Verb } from '../../release/progress/state.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import { pageOfRun } from '../temporal/links.ts';

/** The verbs that a card offers; everything else is for the command. */
export const CARD_VERBS = ['approve', 'reject', 'pause', 'resume', 'rollback'] as const;
/** A verb that a card offers. */
export type CardVerb = (typeof CARD_VERBS)[number];

/** The message of a button to the gateway: all that a decision needs, so that the gateway has to remember nothing. */
export interface ButtonValue {
  readonly workflowId: string;
  readonly run: string;
  readonly release: string;
  readonly plan: string;
  readonly verb: CardVerb;
  readonly wave?: number | undefined;
}

/** A button of a card. */
export interface Button {
  readonly label: string;
  readonly style: 'good' | 'bad' | 'plain';
  /** The requests that must be answered before the click counts. */
  readonly asks?: 'reason' | 'confirmation' | undefined;
  readonly value: ButtonValue;
}

/** A release as any chat can show it. All texts are plain: a renderer has to escape them for its own markup. */
export interface CardModel {
  readonly title: string;
  readonly why: string;
  readonly waves: readonly string[];
  readonly failures: readonly string[];
  readonly decisions: readonly string[];
  readonly link?: string | undefined;
  readonly buttons: readonly Button[];
}

const LABELS = {
  approve: { label: 'Approve', style: 'good' },
  reject: { label: 'Reject', style: 'bad', asks: 'reason' },
  pause: { label: 'Pause', style: 'plain' },
  resume: { label: 'Resume', style: 'plain' },
  rollback: { label: 'Roll back', style: 'bad', asks: 'confirmation' },
} as const satisfies Record<CardVerb, Omit<Button, 'value'>>;
const BAR = 10;

/** A release as a chat shows it. @param uiUrl the base of the Temporal UI */
export function cardModel(card: ReleaseCard, uiUrl?: string): CardModel {
  const { set, release, version, previousVersion, phase, why, failed, failures } = card;
  const hidden = failed - failures.length;
  return {
    title: plainText(`${release} on ${set.namespace}/${set.name}: ${previousVersion} to ${version} (${phase})`, 200),
    why: plainText(why, 300),
    waves: wavesOf(card),
    failures: [
      ...failures.map((one) => plainText(`${one.server}: ${one.class}: ${one.reason}`, 200)),
      ...(hidden > 0 ? [`and ${hidden} more`] : []),
    ],
    decisions: card.decisions.map((one) => decisionLine(one)),
    link: linkOf(card, uiUrl),
    buttons: buttonsOf(card),
  };
}

function wavesOf({ waves, moreWaves }: ReleaseCard): string[] {
  const lines = waves.map(({ number, name, size, status, proven, failed }) => {
    const full = size === 0 ? BAR : Math.floor((BAR * Math.min(proven, size)) / size);
    const trouble = failed > 0 ? `, ${failed} failed` : '';
    const bar = `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`;
    return plainText(`${bar} ${number} ${name}: ${proven} of ${size} proven, ${status}${trouble}`, 150);
  });
  return moreWaves === undefined ? lines : [...lines, `and ${counted(moreWaves, 'more wave')}`];
}

function decisionLine({ verb, actor, channel, vouchedBy, accepted, reason }: ReleaseCard['decisions'][number]): string {
  const how = vouchedBy === undefined ? `claimed, by ${channel}` : `vouched by ${vouchedBy}`;
  return plainText(`${verb} by ${actor} (${how})${accepted ? '' : ', refused'}${reason ? `: ${reason}` : ''}`, 300);
}

function linkOf({ temporalNamespace: namespace, workflowId, runId }: ReleaseCard, uiUrl?: string): string | undefined {
  return uiUrl === undefined ? undefined : pageOfRun(uiUrl, { namespace, workflowId, runId });
}

function buttonsOf({ can, gate, workflowId, runId: run, release, planHash: plan }: ReleaseCard): Button[] {
  return CARD_VERBS.filter((verb) => can.includes(verb)).flatMap((verb) => {
    const about = { workflowId, run, release, plan, verb };
    if (!isVote(verb)) return [{ ...LABELS[verb], value: about }];
    return gate ? [{ ...LABELS[verb], value: { ...about, wave: gate.wave } }] : [];
  });
}

/** A vote counts once for each person; everything else once for each click. */
export function isVote(verb: Verb): boolean {
  return verb === 'approve' || verb === 'reject';
}

const TOLD: ReadonlySet<NoticeKind> = new Set(['gate-opened', 'reminder', 'failing']);

/** The short line in the thread, for what people must not miss; undefined for everything else. */
export function threadLine({ kind, text }: Pick<Notice, 'kind' | 'text'>): string | undefined {
  return TOLD.has(kind) ? plainText(text, 300) : undefined;
}
