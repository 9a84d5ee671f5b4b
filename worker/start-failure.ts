/** Why a worker could not start, in one sentence for people, and the exit code that says so to scripts. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  readonly exitCode: number;

  constructor(exitCode: number, sentence: string) {
    super(sentence);
    this.exitCode = exitCode;
  }
}

/** A setting has a value that cannot work. */
export const EXIT_USAGE = 64;
/** Temporal cannot be reached or refuses us. */
export const EXIT_UNREACHABLE = 7;
