import type { Readable, Writable } from 'node:stream';
import type * as Prompts from '@clack/prompts';
import { EXIT } from './exit-codes.ts';
import { ExitError } from './exit-error.ts';

/** One of the answers that a person may pick. */
export interface Option {
  readonly value: string;
  /** Said beside it. */
  readonly hint?: string;
}

/** Asks the person at the terminal. Both throw ExitError when the person gives up (Ctrl-C, Esc). */
export interface Asker {
  /** The value of the option that is picked. */
  choose(question: string, options: readonly Option[]): Promise<string>;
  /** The line that is typed, without blanks around it; `problemOf` says what is wrong with it. */
  type(question: string, example: string, problemOf: (line: string) => string | undefined): Promise<string>;
}

/** Asks on the standard error, so that the standard output stays pure data. Loaded when it asks: most runs never do. */
export function terminalAsker(input: Readable, output: Writable): Asker {
  const answerOf = async <Value>(ask: (prompts: typeof Prompts) => Promise<Value | symbol>): Promise<Value> => {
    const prompts = await import('@clack/prompts');
    const answer = await ask(prompts);
    if (typeof answer === 'symbol') throw new ExitError(EXIT.cancelled, 'cancelled: nothing is written');
    return answer;
  };
  return {
    choose: (message, options) =>
      answerOf<string>(({ select }) =>
        select({ message, input, output, options: options.map((option) => ({ ...option, label: option.value })) }),
      ),
    async type(message, placeholder, problemOf) {
      const check = (line: string | undefined): string | undefined => problemOf((line ?? '').trim());
      const typed = await answerOf<string | undefined>(({ text }) =>
        text({ message, placeholder, input, output, validate: check }),
      );
      return (typed ?? '').trim();
    },
  };
}
