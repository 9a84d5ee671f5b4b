import { readFile } from 'node:fs/promises';
import { formatDiagnostic, readCalendarFile } from '../release/spec/diagnose.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import { EXIT_USAGE, StartFailure } from './start-failure.ts';
import type { Calendar, CalendarReading } from '../activities/ports/calendar.ts';
import type { PolicySource } from '../activities/ports/policy.ts';

/**
 * The calendar of the cluster, a YAML file that HOTWAVE_CALENDAR names. It is read anew each time that somebody asks, so
 * a change counts at once. A file that is broken meanwhile is said to be so: it is neither ignored nor remembered.
 *
 * @throws StartFailure with exit code 64 when there is a file and it cannot be used
 */
export async function openCalendar(path: string | undefined): Promise<Calendar | undefined> {
  if (path === undefined) return undefined;
  const calendar = { read: () => readCalendar(path) };
  const reading = await calendar.read();
  if ('problem' in reading) throw new StartFailure(EXIT_USAGE, reading.problem);
  return calendar;
}

/** The windows of the calendar file and those of the policy of the cluster: both hold. */
export function withFreezeOf(policy: PolicySource | undefined, calendar: Calendar | undefined): Calendar | undefined {
  if (!policy) return calendar;
  return {
    async read() {
      const [of, own] = await Promise.all([policy.read(), calendar?.read()]);
      // Freeze windows are not known while the file is broken, so nothing more moves; who may decide is as it was.
      if (of.problem !== undefined) return { problem: of.problem };
      if (own && 'problem' in own) return own;
      return { windows: [...of.policy.freeze, ...(own?.windows ?? [])] };
    },
  };
}

async function readCalendar(path: string): Promise<CalendarReading> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return { problem: `the calendar of the cluster, HOTWAVE_CALENDAR ${path}, cannot be read: ${fileTrouble(error)}` };
  }
  const reading = readCalendarFile(text);
  if ('windows' in reading) return reading;
  const [first, ...others] = reading.diagnostics.map((diagnostic) => formatDiagnostic(path, diagnostic));
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return { problem: `the calendar of the cluster is broken: ${first ?? path}${more}` };
}
