import { topicOf } from '../../release/narrate/advice.ts';
import type { Topic } from '../../release/narrate/advice.ts';
import { explainRelease } from '../../release/narrate/explain.ts';
import { explainField, isFieldPath } from '../../release/spec/explain-field.ts';
import { targetOf } from '../decisions/target.ts';
import { renderExplanation, renderField, renderTopic } from '../render/explain.ts';
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

/**
 * Explains what a release waits for and by which rule, what a field of the release file means, or what to do about a class
 * of failure or a line of `plan`. A set whose name is one of those is named with its namespace.
 */
export function runExplain(io: Io, argument: string, flags: ExplainFlags): Promise<ExitCode> {
  if (isFieldPath(argument)) return explainOneField(io, argument, flags);
  const topic = topicOf(argument);
  return topic === undefined ? explainSet(io, argument, flags) : explainTopic(io, topic, flags);
}

async function explainTopic(io: Io, topic: Topic, { output }: ExplainFlags): Promise<ExitCode> {
  await print(io, output, topic, renderTopic);
  return EXIT.ok;
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
