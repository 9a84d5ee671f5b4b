import { IANAZone } from 'luxon';
import { eitherOf } from './either-of.ts';

/** Abbreviations that several countries use, and the places that people mostly mean. */
const AMBIGUOUS: Readonly<Record<string, readonly string[]>> = {
  AST: ['America/Halifax', 'Asia/Riyadh'],
  BST: ['Europe/London', 'Asia/Dhaka'],
  CET: ['Europe/Berlin', 'Europe/Paris'],
  CST: ['Asia/Shanghai', 'America/Chicago'],
  ECT: ['America/Guayaquil', 'Europe/Paris'],
  EET: ['Europe/Helsinki', 'Europe/Kyiv'],
  EST: ['America/New_York', 'Australia/Sydney'],
  GST: ['Asia/Dubai', 'Atlantic/South_Georgia'],
  HST: ['Pacific/Honolulu'],
  IST: ['Asia/Kolkata', 'Asia/Jerusalem', 'Europe/Dublin'],
  JST: ['Asia/Tokyo'],
  KST: ['Asia/Seoul'],
  MET: ['Europe/Berlin'],
  MSK: ['Europe/Moscow'],
  MST: ['America/Denver', 'America/Phoenix', 'Asia/Kuala_Lumpur'],
  PST: ['America/Los_Angeles', 'Asia/Manila'],
  SST: ['Asia/Singapore', 'Pacific/Pago_Pago'],
  WET: ['Europe/Lisbon'],
};

/** Names of the same everywhere. */
const UNMISTAKABLE = /^(?:UTC|Etc\/UTC)$/;
/** `Europe/Berlin`; a place says also when its clocks change. */
const PLACE = /^[A-Za-z_]+(?:\/[A-Za-z0-9_+-]+)+$/;

/**
 * Why a text is no time zone that everybody reads in the same way; undefined when it is one. `CST` is six hours behind UTC in
 * Chicago and eight hours ahead in Shanghai, `EST5EDT` is no place, and `Etc/GMT+8` is eight hours behind, not ahead.
 */
export function timeZoneProblem(text: string): string | undefined {
  if (UNMISTAKABLE.test(text)) return undefined;
  if (PLACE.test(text) && !/^Etc\//i.test(text) && IANAZone.isValidZone(text)) return undefined;
  const places = AMBIGUOUS[text.toUpperCase()];
  if (places) return `${text} can be mistaken: expected a place, such as ${eitherOf(places)}, or UTC`;
  if (/^(?:etc\/)?(?:gmt|utc)[+-]/i.test(text))
    return `${text} can be mistaken, and says nothing of summer time: expected a place such as Europe/Berlin, or UTC`;
  return 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC';
}
