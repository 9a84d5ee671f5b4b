import type { SetRef } from '../fleet/fleet.ts';
import { LONGEST_NAME } from '../spec/name-patterns.ts';
import { plainText } from '../spec/plain-text.ts';
import type { Notice, NoticeKind } from './notice.ts';

/** A notice as a Kubernetes Event on its set: what `kubectl describe` shows. */
export interface SetEvent {
  /** Of the Event object. The same notice has the same name, so that it is written once however often it comes. */
  readonly name: string;
  readonly set: SetRef;
  readonly type: 'Normal' | 'Warning';
  /** `HotwaveGateOpened` */
  readonly reason: string;
  /** One plain line, at most 1,024 bytes. */
  readonly message: string;
  /** When it happened, milliseconds since the epoch. */
  readonly at: number;
}

/** Kubernetes v1.30 pkg/apis/core/validation/events.go, NoteLengthLimit: bytes, not characters. */
const MOST_BYTES = 1_024;

/** The servers that somebody has to look at. */
const WARNINGS: ReadonlySet<NoticeKind> = new Set<NoticeKind>([
  'failing',
  'paused',
  'halted',
  'rolling-back',
  'rolled-back',
  'failed',
  'refused',
  'mismatch',
]);

/** A notice as an Event. */
export function setEventOf({ id, kind, text, at, release: { set } }: Notice): SetEvent {
  return {
    name: eventName(set.name, id),
    set: { namespace: set.namespace, name: set.name },
    type: WARNINGS.has(kind) ? 'Warning' : 'Normal',
    reason: `Hotwave${kind.split('-').map(capitalized).join('')}`,
    message: firstBytes(plainText(text), MOST_BYTES),
    at,
  };
}

/** `SET.hotwave.ID`. The id alone makes it unique: of a set's name there is as much of it as there is room for. */
function eventName(set: string, id: string): string {
  const end = `.hotwave.${id}`;
  return `${set.slice(0, LONGEST_NAME - end.length).replace(/[-.]+$/, '')}${end}`;
}

function capitalized(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** As many whole characters as fit. */
function firstBytes(text: string, most: number): string {
  return text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(most)).read);
}
