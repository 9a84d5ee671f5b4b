import { explainRelease } from '../../release/narrate/explain.ts';
import { explainField, isFieldPath } from '../../release/spec/explain-field.ts';
import { targetOf } from '../decisions/target.ts';
import { renderExplanation, renderField } from '../render/explain.ts';
import { reportClosed } from '../temporal/closed-release.ts';
import { withTemporal } from '../temporal/connect.ts';
import { findRelease } from '../temporal/find-release.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT, exitCodeOf } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { look } from '../terminal/look.ts';
import { print } from '../terminal/print.ts';
import { silence } from './status.ts';
import type { SetFlags } from './watch.ts';

/** Flags of `explain`. */
export interface ExplainFlags extends SetFlags {
  readonly output: OutputFormat;
}

/** Explains what a release waits for and by which rule, or what a field of the release file means. */
export function runExplain(io: Io, argument: string, flags: ExplainFlags): Promise<ExitCode> {
  return isFieldPath(argument) ? explainOneField(io, argument, flags) : explainSet(io, argument, flags);
}

async function explainOneField(io: Io, path: string, { output }: ExplainFlags): Promise<ExitCode> {
  const field = explainField(path);
  if ('problem' in field)
    throw new ExitError(EXIT.usage, field.problem, ['hotwave explain spec shows the fields that there are']);
  await print(io, output, field, renderField);
  return EXIT.ok;
}

function explainSet(io: Io, argument: string, flags: ExplainFlags): Promise<ExitCode> {
  const target = targetOf(io, argument, flags);
  return withTemporal(io, flags, async (temporal) => {
    const found = await findRelease(temporal, target);
    const state = await look(temporal, found);
    if (state === undefined) throw silence(found);
    if (state === 'gone') return reportClosed(io, temporal, found, flags.output);
    await print(io, flags.output, explainRelease(state, io.now()), renderExplanation);
    return exitCodeOf(state);
  });
}
