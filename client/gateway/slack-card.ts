import { cutText, plainText } from '../../release/spec/plain-text.ts';
import type { Button, CardModel } from './card.ts';

/** One block of Slack's Block Kit. */
export type Block = Readonly<Record<string, unknown>>;

/** Longest text of a section in Block Kit is 3,000 characters. */
const MOST_TEXT = 2_900;

/** Foreign text in mrkdwn: no mentions, no links (`&`, `<`, `>`), no formatting. */
export function escapeMrkdwn(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[*_~`]/g, (mark) => LOOKALIKE[mark] ?? '');
}
/** mrkdwn has no way to escape its marks; these look the same and mean nothing. */
const LOOKALIKE: Readonly<Record<string, string>> = { '*': '∗', _: '＿', '~': '∼', '`': 'ˋ' };

/** The card in Block Kit. Foreign text is plain text wherever Slack allows it, as nothing in that means anything. */
export function slackBlocks(card: CardModel): Block[] {
  const lines = (title: string, all: readonly string[]): Block[] =>
    all.length === 0 ? [] : [plainSection(`${title}\n${all.join('\n')}`)];
  return [
    { type: 'header', text: { type: 'plain_text', text: cutText(card.title, 150), emoji: false } },
    plainSection(card.why),
    ...lines('Waves', card.waves),
    ...lines('Failed', card.failures),
    ...lines('Decisions', card.decisions),
    ...(card.link === undefined
      ? []
      : [
          {
            type: 'context',
            elements: [{ type: 'mrkdwn', text: `<${new URL(card.link).href.replaceAll('|', '%7C')}|Temporal UI>` }],
          },
        ]),
    ...(card.buttons.length === 0
      ? []
      : [{ type: 'actions', block_id: 'hotwave', elements: card.buttons.map(buttonOf) }]),
  ];
}

function plainSection(text: string): Block {
  return {
    type: 'section',
    text: { type: 'plain_text', text: cutText(text === '' ? '-' : text, MOST_TEXT), emoji: false },
  };
}

function buttonOf({ label, style, asks, value }: Button): Block {
  return {
    type: 'button',
    action_id: `hotwave-${value.verb}`,
    text: { type: 'plain_text', text: label },
    value: JSON.stringify(value),
    ...(style === 'plain' ? {} : { style: style === 'good' ? 'primary' : 'danger' }),
    ...(asks === 'confirmation'
      ? {
          confirm: {
            title: { type: 'plain_text', text: `${label}?` },
            text: { type: 'plain_text', text: cutText(`${label} ${value.release}?`, 300) },
            confirm: { type: 'plain_text', text: label },
            deny: { type: 'plain_text', text: 'No' },
          },
        }
      : {}),
  };
}

/** The box that asks for a reason. @param memory what the answer carries back: the button and the message */
export function reasonBox(release: string, memory: string): Block {
  return {
    type: 'modal',
    callback_id: 'hotwave-reason',
    private_metadata: memory,
    title: { type: 'plain_text', text: 'Reject' },
    submit: { type: 'plain_text', text: 'Reject' },
    close: { type: 'plain_text', text: 'Back' },
    blocks: [
      {
        type: 'input',
        block_id: 'reason',
        label: { type: 'plain_text', text: cutText(plainText(`Why is ${release} rejected?`), 150) },
        element: { type: 'plain_text_input', action_id: 'text', multiline: true, max_length: 1_000 },
      },
    ],
  };
}
