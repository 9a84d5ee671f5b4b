import { describe, expect, test } from 'vitest';
import { timeZoneProblem } from '../../release/spec/time-zone.ts';

describe('a time zone', () => {
  test.for(['UTC', 'Etc/UTC', 'Europe/Berlin', 'Asia/Shanghai', 'America/Argentina/Buenos_Aires', 'US/Central'])(
    '%s is one that everybody reads in the same way',
    (text) => {
      expect(timeZoneProblem(text)).toBeUndefined();
    },
  );

  test.for([
    ['CST', 'CST can be mistaken: expected a place, such as Asia/Shanghai or America/Chicago, or UTC'],
    ['ist', 'ist can be mistaken: expected a place, such as Asia/Kolkata, Asia/Jerusalem or Europe/Dublin, or UTC'],
    ['EST', 'EST can be mistaken: expected a place, such as America/New_York or Australia/Sydney, or UTC'],
    [
      'Etc/GMT+8',
      'Etc/GMT+8 can be mistaken, and says nothing of summer time: expected a place such as Europe/Berlin, or UTC',
    ],
    ['UTC+8', 'UTC+8 can be mistaken, and says nothing of summer time: expected a place such as Europe/Berlin, or UTC'],
    ['CST6CDT', 'CST6CDT is no place: expected a place, such as America/Chicago, or UTC'],
    ['est5edt', 'est5edt is no place: expected a place, such as America/New_York, or UTC'],
    ['GMT', 'GMT can be mistaken: expected a place, such as Europe/London, or UTC'],
    ['HKT', 'HKT can be mistaken: expected a place, such as Asia/Hong_Kong, or UTC'],
    ['AEST', 'AEST can be mistaken: expected a place, such as Australia/Sydney or Australia/Brisbane, or UTC'],
    ['PDT', 'PDT can be mistaken: expected a place, such as America/Los_Angeles, or UTC'],
    ['CEST', 'CEST can be mistaken: expected a place, such as Europe/Berlin or Europe/Paris, or UTC'],
    ['SGT', 'SGT can be mistaken: expected a place, such as Asia/Singapore, or UTC'],
    ['XYZT', 'XYZT can be mistaken: expected a place, such as Europe/Berlin or Asia/Shanghai, or UTC'],
    ['Europe/Berlyn', 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC'],
    ['', 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC'],
    ['local', 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC'],
    ['+08:00', 'expected a time zone by its place, such as Europe/Berlin or Asia/Shanghai, or UTC'],
  ] as const)('%s is refused, with names to choose from', ([text, problem]) => {
    expect(timeZoneProblem(text)).toBe(problem);
  });
});
