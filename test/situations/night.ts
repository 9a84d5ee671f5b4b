import type { CardVerb } from '../../client/gateway/card.ts';
import type { DingtalkCard } from '../../client/gateway/dingtalk.ts';
import { startGateway } from '../../client/gateway/serve.ts';
import { readSigningKey } from '../../client/decisions/ssh-signature.ts';
import { temporalOver } from '../../client/temporal/connect.ts';
import { until } from '../lab/until.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { NEW_IMAGE } from '../support/builders.ts';
import { DINGTALK_APP, dingtalkClick, fakeDingtalk, sentenceIn } from '../support/dingtalk-server.ts';
import type { FakeDingtalk } from '../support/dingtalk-server.ts';
import { SECRET, secretFile } from '../support/http-sinks.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease } from '../support/stage.ts';
import type { Connections, RunningWorker, Stage, Told } from '../support/stage.ts';
import type { FakeClusterModel } from '../support/fake-cluster.ts';
import { asPeopleSee } from './situations.ts';

/** Something that people in the group saw. */
export type Seen =
  | { readonly kind: 'card'; readonly isNew: boolean; readonly card: DingtalkCard }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'click'; readonly button: CardVerb; readonly reason?: string; readonly answer: string };

type MakeStage = (model: FakeClusterModel, calendar: undefined, told: Told) => Promise<Stage & RunningWorker>;

const image = (version: string): string => NEW_IMAGE.replace('2.0', version);
const BAD = image('2.1');

/** A night in which bob, at home, decides in the chat alone: one release is rejected, one rolled back, one is good. */
export async function playNight(make: MakeStage, { connection }: Connections): Promise<readonly Seen[]> {
  const dingtalk = await fakeDingtalk();
  const key = readSigningKey(personalKey().private);
  const chat = { robotCode: 'robot', conversation: 'cid1', template: 't1.schema', apiUrl: dingtalk.apiUrl };
  const temporal = temporalOver(connection, { address: 'the dev server', namespace: 'default', identity: 'gateway' });
  const gateway = await startGateway(
    {
      http: { host: '127.0.0.1', port: 0 },
      signKey: key,
      noticeKeys: [{ name: 'notices', secret: SECRET }],
      webhookKeys: [],
      dingtalk: { ...DINGTALK_APP, ...chat },
    },
    temporal,
    { now: () => Date.now(), log: () => undefined },
  );
  const policy = aPolicy({
    people: { ann: { identities: ['github:ann'] }, bob: { identities: ['dingtalk:dinge8a565/bob'] } },
    groups: { ops: ['bob'] },
    channels: { dingtalk: { keys: [{ key: key.public }] } },
    rules: [{ namespaces: ['*'], vouched: ['approve', 'reject'], gates: [{ before: 2, groups: { ops: 1 } }] }],
    sinks: [{ name: 'chat', url: `${gateway.url}/notices`, secretFile: secretFile() }],
  });
  const it = await make(
    { failures: (server, now) => (server === 'duel-7' && now === BAD ? 'badpull' : undefined) },
    undefined,
    {
      policy: fakePolicy(policy),
      courierTimes: { backOff: { first: 20, most: 100 } },
    },
  );
  const group = new Group(dingtalk, it.clusterName);

  const first = await it.start(aRelease(), 'github:ann');
  await group.cardSays('waiting-approval');
  await group.click('reject', { reason: 'players report lag on the canary' });
  await first.result();
  await group.cardSays('rolled-back');

  const second = await it.start(
    aRelease({ name: 'scripts-2-1', image: BAD, onFailure: { then: 'pause' } }),
    'github:ann',
  );
  await group.cardSays('waiting-approval');
  await group.click('approve');
  await group.cardSays('paused');
  await group.click('rollback', { confirmed: 'yes' });
  await second.result();
  await group.cardSays('rolled-back');

  const third = await it.start(aRelease({ name: 'scripts-2-2', image: image('2.2') }), 'github:ann');
  await group.cardSays('waiting-approval');
  await group.click('approve');
  await third.result();
  await group.cardSays('done');

  await gateway.close();
  await dingtalk.close();
  return group.seen();
}

interface Shown {
  readonly outTrackId: string;
  readonly cardData: { readonly cardParamMap: DingtalkCard };
}

/** The group of the chat: what it has seen, and bob in it. */
class Group {
  readonly #clicks: { readonly after: number; readonly click: Seen }[] = [];
  readonly #dingtalk: FakeDingtalk;
  readonly #clusterName: string;

  constructor(dingtalk: FakeDingtalk, clusterName: string) {
    this.#dingtalk = dingtalk;
    this.#clusterName = clusterName;
  }

  #last(): Shown | undefined {
    return this.#dingtalk.calls.findLast(({ path }) => path.startsWith('/v1.0/card/instances'))
      ?.body as unknown as Shown;
  }

  async cardSays(phase: string): Promise<void> {
    await until({ what: `a card that says ${phase}`, deadlineMs: 60_000, everyMs: 30 }, () =>
      Boolean(this.#last()?.cardData.cardParamMap.title.endsWith(`(${phase})`)),
    );
  }

  async click(button: CardVerb, more: { readonly reason?: string; readonly confirmed?: string } = {}): Promise<void> {
    const { outTrackId, cardData } = this.#last() ?? fail('there is no card');
    const press = JSON.parse(cardData.cardParamMap[button]) as object;
    // Everything up to here had been seen before the click.
    const after = this.#dingtalk.calls.length;
    const id = `m${this.#clicks.length}`;
    const said = await this.#dingtalk.press(id, dingtalkClick(press, more, { outTrackId }), Date.now());
    const answer = sentenceIn(said) ?? fail('there is no answer');
    this.#clicks.push({ after, click: { kind: 'click', button, answer, ...(more.reason && { reason: more.reason }) } });
  }

  seen(): readonly Seen[] {
    const clicksAfter = (index: number): Seen[] =>
      this.#clicks.flatMap(({ after, click }) => (after === index ? [click] : []));
    const all = this.#dingtalk.calls.flatMap(({ path, body }, index) => [...clicksAfter(index), ...asSeen(path, body)]);
    return JSON.parse(asPeopleSee(JSON.stringify(all), this.#clusterName)) as Seen[];
  }
}

function asSeen(path: string, body: object): Seen[] {
  if (path === '/v1.0/robot/groupMessages/send') {
    const { content } = JSON.parse((body as { msgParam: string }).msgParam) as { content: string };
    return [{ kind: 'line', text: content }];
  }
  if (!path.startsWith('/v1.0/card/instances')) return [];
  const { cardData } = body as Shown;
  return [{ kind: 'card', isNew: path.endsWith('createAndDeliver'), card: cardData.cardParamMap }];
}

function fail(sentence: string): never {
  throw new Error(sentence);
}

const BUTTONS = {
  approve: 'Approve',
  reject: 'Reject',
  pause: 'Pause',
  resume: 'Resume',
  rollback: 'Roll back',
} as const;

/** The observations, as Markdown. */
export function asMarkdown(seen: Seen): string {
  if (seen.kind === 'line') return `**hotwave:** ${seen.text}`;
  if (seen.kind === 'click') {
    const reason = seen.reason === undefined ? '' : `, writes "${seen.reason}"`;
    return `**bob** presses _${BUTTONS[seen.button]}_${reason}, and reads: ${seen.answer}`;
  }
  const { title, why, waves, failures, decisions, ...values } = seen.card;
  const parts = [title, why, waves, failures && `Failed\n${failures}`, decisions && `Decisions\n${decisions}`];
  const buttons = Object.entries(BUTTONS).flatMap(([verb, label]) => (values[verb as CardVerb] ? [`[${label}]`] : []));
  const text = [...parts, buttons.join(' ')].filter(Boolean).join('\n\n');
  return `**hotwave** ${seen.isNew ? 'posts a card' : 'updates the card'}:\n\n\`\`\`text\n${text}\n\`\`\``;
}
