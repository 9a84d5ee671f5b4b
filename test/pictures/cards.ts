import { cardModel } from '../../client/gateway/card.ts';
import { dingtalkCard } from '../../client/gateway/dingtalk.ts';
import { feishuCard } from '../../client/gateway/feishu.ts';
import { slackBlocks } from '../../client/gateway/slack-card.ts';
import { aCard } from '../support/gateway.ts';

/** A card at a gate, with a failure and a decision, and a foreign text that tries to be markup. */
const model = cardModel(
  aCard({
    failures: [{ server: 'duel-7', class: 'badpull', reason: 'ImagePullBackOff <!channel> *now*' }],
    failed: 1,
    decisions: [
      {
        verb: 'approve',
        actor: 'bob',
        channel: 'slack',
        vouchedBy: 'the key of slack',
        at: 1,
        accepted: true,
        reason: 'canary looks good',
        answer: '',
      },
    ],
  }),
  'https://temporal.example',
);

interface Element {
  readonly tag?: string;
  readonly type?: string;
  readonly style?: string;
  readonly text?: string | { readonly content?: string; readonly text?: string };
  readonly elements?: readonly Element[];
  readonly placeholder?: { readonly content: string };
}

/** Each chat's own JSON, the very one that the gateway sends, as HTML. */
export const CARDS: Readonly<Record<'slack' | 'feishu' | 'dingtalk', string>> = {
  slack: slackBlocks(model).map(ofSlack).join(''),
  feishu: ofFeishu(),
  dingtalk: ofDingtalk(),
};

function ofSlack(block: Element): string {
  const { type, elements = [] } = block;
  if (type === 'header') return `<h2>${escaped(textOf(block))}</h2>`;
  if (type === 'actions') return row(elements.map((one) => button(textOf(one), one.style ?? '')));
  if (type === 'context') return `<p><u>${escaped(/\|(.*)>$/.exec(textOf(elements[0] ?? {}))?.[1] ?? '')}</u></p>`;
  return `<p>${escaped(textOf(block))}</p>`;
}

function ofFeishu(): string {
  const { header, body } = feishuCard(model) as {
    header: { title: { content: string } };
    body: { elements: Element[] };
  };
  const show = (element: Element): string => {
    if (element.tag === 'button') return button(textOf(element), element.type ?? '');
    if (element.tag === 'input') return `<input placeholder="${escaped(element.placeholder?.content ?? '')}">`;
    if (element.tag === 'form') return `<div>${(element.elements ?? []).map(show).join(' ')}</div>`;
    return `<p>${escaped(textOf(element))}</p>`;
  };
  return `<h2>${escaped(header.title.content)}</h2>${body.elements.map(show).join('')}`;
}

/** The variables in a template as docs/chat.md describes it. */
function ofDingtalk(): string {
  const { title, why, waves, failures, decisions, link, approve, reject, pause, resume, rollback } =
    dingtalkCard(model);
  const text = (name: string, value: string): string => (value === '' ? '' : `<p>${escaped(name + value)}</p>`);
  const press = (label: string, style: string, value: string): string => (value === '' ? '' : button(label, style));
  return [
    `<h2>${escaped(title)}</h2>`,
    text('', why),
    text('Waves\n', waves),
    text('Failed\n', failures),
    text('Decisions\n', decisions),
    link === '' ? '' : '<p><u>Temporal UI</u></p>',
    press('Approve', 'primary', approve),
    reject === '' ? '' : `<div><input placeholder="Why?"> ${button('Reject', 'danger')}</div>`,
    press('Pause', '', pause),
    press('Resume', '', resume),
    press('Roll back', 'danger', rollback),
  ].join(' ');
}

function textOf({ text }: Element): string {
  return typeof text === 'string' ? text : (text?.content ?? text?.text ?? '');
}

function button(label: string, style: string): string {
  return `<button class="${escaped(style)}">${escaped(label)}</button>`;
}

function row(parts: readonly string[]): string {
  return `<div>${parts.join(' ')}</div>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
