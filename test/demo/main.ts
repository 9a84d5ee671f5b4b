import { endLabNamed } from '../lab/lab.ts';
import { MissingPrerequisite } from '../lab/prerequisites.ts';
import { playDemo, releaseCount } from './demo.ts';
import { UsageError, demoOptions, helpText } from './flags.ts';
import type { DemoOptions } from './flags.ts';
import { Narrator } from './narrator.ts';
import type { ReleaseReport } from './release-report.ts';

// npm run demo [-- flags]: see helpText in flags.ts.

// Somebody who reads only the first lines (`| head`) has seen enough: end everything, as for Ctrl-C.
process.stdout.on('error', () => process.emit('SIGTERM'));

/** Ends hotwave's commands; aborted by Ctrl-C. */
const commands = new AbortController();

try {
  const options = demoOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(helpText);
  else process.exitCode = await main(options);
} catch (error) {
  // A failure while everything is being ended is no news.
  if (!commands.signal.aborted) {
    process.stderr.write(`hotwave: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  process.exitCode = error instanceof UsageError || error instanceof MissingPrerequisite ? error.exitCode : 1;
}

async function main(options: DemoOptions): Promise<number> {
  const started = performance.now();
  const narrator = new Narrator(options.json ? process.stderr : process.stdout, process.env);
  const labName = options.keep ? 'demo' : `demo-${process.pid}`;
  endOnSignal(labName);
  const { reports, tellWhatGoesOn } = await playDemo(options, { labName, narrator, signal: commands.signal });
  const good = reports.length === releaseCount && reports.every((report) => report.good);
  const seconds = Math.round((performance.now() - started) / 1000);
  summarize(
    narrator,
    reports,
    `${good ? 'All three releases ended as they should' : 'NOT as it should be'}; ${seconds} s.`,
  );
  if (options.json) for (const { line } of reports) process.stdout.write(`${JSON.stringify(line)}\n`);
  tellWhatGoesOn();
  return good ? 0 : 1;
}

function summarize(narrator: Narrator, reports: readonly ReleaseReport[], verdict: string): void {
  narrator.heading('The result');
  narrator.table(
    [
      { title: 'RELEASE' },
      { title: 'OUTCOME' },
      { title: 'SERVERS', align: 'right' },
      { title: 'WAVES', align: 'right' },
      { title: 'SECONDS', align: 'right' },
      { title: 'MAIN RESTARTS', align: 'right' },
      { title: 'NEW PODS', align: 'right' },
    ],
    reports.map(({ line }) => [
      line.release,
      line.outcome,
      String(line.servers),
      String(line.waves),
      line.seconds.toFixed(1),
      String(line.restartsOfMainContainers),
      String(line.recreatedPods),
    ]),
  );
  narrator.say(verdict);
}

/**
 * Ends everything on Ctrl-C or when the terminal closes, in whatever state it is. The lab's programs and the worker
 * are in process groups of their own and do not see the terminal's signal.
 */
function endOnSignal(labName: string): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (commands.signal.aborted) return;
      commands.abort();
      process.stderr.write('hotwave: ending the demo and its lab\n');
      void endLabNamed(labName).finally(() => process.exit(130));
    });
  }
}
