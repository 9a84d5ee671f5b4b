import type { NoticeKind, Notice } from '../../release/notices/notice.ts';
import { sinksOf } from '../../release/policy/sinks.ts';
import { cancellation } from '../runtime.ts';
import type { PolicySource } from '../ports/policy.ts';
import type { Delivery, NoticeSender } from '../ports/notice-sender.ts';
import type { SetEvents } from '../ports/set-events.ts';
import { recordNotice } from './record-notice.ts';

/** A sink as a courier knows it: the policy has everything else. */
export interface NamedSink {
  readonly name: string;
  /** Only these; everything when left out. */
  readonly kinds?: readonly NoticeKind[] | undefined;
}

/** Whether anybody is told of a release in a namespace, for its plan. */
export async function toldOf(policy: PolicySource | undefined, namespace: string): Promise<{ readonly sinks?: true }> {
  const reading = await policy?.read();
  return reading && sinksOf(reading.policy, namespace).length > 0 ? { sinks: true } : {};
}

/** Reads from the policy who is told of the sets of a namespace. A worker without a policy knows of nobody. */
export function readSinks(
  policy: PolicySource | undefined,
): (input: { readonly namespace: string }) => Promise<{ readonly sinks: readonly NamedSink[] }> {
  return async ({ namespace }) => {
    const reading = await policy?.read();
    const sinks = reading ? sinksOf(reading.policy, namespace) : [];
    return { sinks: sinks.map(({ name, kinds }) => ({ name, kinds })) };
  };
}

/** One try to deliver one notice to one sink. */
export interface DeliverNoticeInput {
  readonly sink: string;
  readonly notice: Notice;
  /** The sink's answer to an earlier notice of the same release. */
  readonly receipt?: string | undefined;
}

/** Tries once. `gone`: the policy has no such sink any more. The caller tries again later. */
export function deliverNotice(
  policy: PolicySource | undefined,
  sender: NoticeSender | undefined,
  events: SetEvents,
): (input: DeliverNoticeInput) => Promise<Delivery | { readonly kind: 'gone' }> {
  return async ({ sink: name, notice, receipt }) => {
    const reading = await policy?.read();
    const sink = reading && sinksOf(reading.policy, notice.release.set.namespace).find((one) => one.name === name);
    if (!sink) return { kind: 'gone' };
    if (sink.type === 'kubernetes-events') return await recordNotice(events, notice, cancellation());
    if (!sender) return { kind: 'trouble', trouble: 'this worker sends no notices' };
    return await sender.send(sink, notice, receipt, cancellation());
  };
}
