import type { ExitCode } from './exit-codes.ts';

/** Expected trouble: one sentence for the person, hints on what to do, and the exit code. Shown without a stack. */
export class ExitError extends Error {
  readonly code: ExitCode;
  readonly hints: readonly string[];

  constructor(code: ExitCode, message: string, hints: readonly string[] = []) {
    super(message);
    this.name = 'ExitError';
    this.code = code;
    this.hints = hints;
  }
}
