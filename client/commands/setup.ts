import { setTimeout as delay } from 'node:timers/promises';
import type { Temporal } from '../temporal/connect.ts';
import { withTemporal } from '../temporal/connect.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import type { ConnectionFlags, OutputFormat } from '../terminal/flags.ts';
import type { Io } from '../terminal/io.ts';
import { print } from '../terminal/print.ts';
import { addAttributes, compareAttributes } from '../temporal/registered-attributes.ts';

/** Flags of `setup`. */
export interface SetupFlags extends ConnectionFlags {
  readonly output: OutputFormat;
}

const VISIBLE = { attempts: 50, interval: 200 } as const;

/** Registers the search attributes of releases in the Temporal namespace. Running it again changes nothing. */
export async function runSetup(io: Io, flags: SetupFlags): Promise<ExitCode> {
  const result = await withTemporal(io, flags, prepare);
  await print(io, flags.output, result, ({ namespace, added, existing }) =>
    added.length === 0
      ? `namespace ${namespace} has all ${existing.length} search attributes already`
      : `registered in namespace ${namespace}: ${added.join(', ')}`,
  );
  return EXIT.ok;
}

interface SetupResult {
  readonly namespace: string;
  readonly added: readonly string[];
  readonly existing: readonly string[];
}

async function prepare(temporal: Temporal): Promise<SetupResult> {
  const { namespace } = temporal;
  const { missing, existing, otherTypes } = await compareAttributes(temporal);
  if (otherTypes.length > 0) {
    throw new ExitError(
      EXIT.refused,
      `namespace ${namespace} has these search attributes with another type: ${otherTypes.join(', ')}`,
      [
        'Temporal cannot change a type: remove them (temporal operator search-attribute remove) or use another namespace',
      ],
    );
  }
  if (missing.length > 0) await addAttributes(temporal, missing);
  // Registering is asynchronous: a release that is started too early would be refused.
  for (let attempt = 0; attempt < VISIBLE.attempts; attempt += 1) {
    if ((await compareAttributes(temporal)).missing.length === 0) return { namespace, added: missing, existing };
    await delay(VISIBLE.interval);
  }
  throw new ExitError(EXIT.unreachable, 'Temporal accepted the search attributes but does not list them yet', [
    'run hotwave setup again in a minute',
  ]);
}
