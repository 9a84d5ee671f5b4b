import { IANAZone } from 'luxon';
import { eitherOf } from './either-of.ts';

/** Abbreviations, most of which several countries use, and the places that people mostly mean. */
const AMBIGUOUS: Readonly<Record<string, readonly string[]>> = {
  ACST: ['Australia/Adelaide', 'Australia/Darwin'],
  AEDT: ['Australia/Sydney'],
  AEST: ['Australia/Sydney', 'Australia/Brisbane'],
  AST: ['America/Halifax', 'Asia/Riyadh'],
  BST: ['Europe/London', 'Asia/Dhaka'],
  CDT: ['America/Chicago', 'America/Havana'],
  CEST: ['Europe/Berlin', 'Europe/Paris'],
  CET: ['Europe/Berlin', 'Europe/Paris'],
  CST: ['Asia/Shanghai', 'America/Chicago'],
  ECT: ['America/Guayaquil', 'Europe/Paris'],
  EDT: ['America/New_York'],
  EEST: ['Europe/Helsinki', 'Europe/Kyiv'],
  EET: ['Europe/Helsinki', 'Europe/Kyiv'],
  EST: ['America/New_York', 'Australia/Sydney'],
  GMT: ['Europe/London'],
  GST: ['Asia/Dubai', 'Atlantic/South_Georgia'],
  HKT: ['Asia/Hong_Kong'],
  HST: ['Pacific/Honolulu'],
  IST: ['Asia/Kolkata', 'Asia/Jerusalem', 'Europe/Dublin'],
  JST: ['Asia/Tokyo'],
  KST: ['Asia/Seoul'],
  MET: ['Europe/Berlin'],
  MDT: ['America/Denver'],
  MSK: ['Europe/Moscow'],
  MST: ['America/Denver', 'America/Phoenix', 'Asia/Kuala_Lumpur'],
  PDT: ['America/Los_Angeles'],
  PHT: ['Asia/Manila'],
  PST: ['America/Los_Angeles', 'Asia/Manila'],
  SGT: ['Asia/Singapore'],
  SST: ['Asia/Singapore', 'Pacific/Pago_Pago'],
  WEST: ['Europe/Lisbon'],
  WET: ['Europe/Lisbon'],
  WIB: ['Asia/Jakarta'],
};

/** The first words of POSIX rules in the names of IANA, and whose rules they are. */
const AMERICAN: Readonly<Record<string, string>> = {
  EST: 'America/New_York',
  CST: 'America/Chicago',
  MST: 'America/Denver',
  PST: 'America/Los_Angeles',
};

/** An abbreviation that is not in the table. */
const ABBREVIATION = /^[A-Z]{2,4}T$/;
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
  // `EST5EDT` is a rule of POSIX, which IANA keeps as a name.
  const [, rule] = /^([A-Z]{3,4})\d{1,2}[A-Z]{3,4}$/i.exec(text) ?? [];
  const ofRule = AMERICAN[rule?.toUpperCase() ?? ''];
  if (ofRule !== undefined) return `${text} is no place: expected a place, such as ${ofRule}, or UTC`;
  if (ABBREVIATION.test(text))
    return `${text} can be mistaken: expected a place, such as Europe/Berlin or Asia/Shanghai, or UTC`;
  if (/^(?:etc\/)?(?:gmt|utc)[+-]/i.test(text))
    return `${text} can be mistaken, and says nothing of summer time: expected a place such as Europe/Berlin, or UTC`;
  return 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC';
}
