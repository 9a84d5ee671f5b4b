import { DefaultLogger } from '@temporalio/worker';
import type { LogEntry, Logger } from '@temporalio/worker';

/** The warnings in the logs of the workers of a test file; errors are shown as well. */
export const workerWarnings: LogEntry[] = [];

/** A logger for the workers of tests, which make trouble on purpose. */
export function workerLogger(): Logger {
  const errors = new DefaultLogger('ERROR');
  return new DefaultLogger('WARN', (entry) => {
    if (entry.level === 'WARN') workerWarnings.push(entry);
    errors.log(entry.level, entry.message, entry.meta);
  });
}
