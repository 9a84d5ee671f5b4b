import type { OutputFormat } from './flags.ts';
import type { Sighting } from './follow.ts';
import type { Io } from './io.ts';
import { isForPeople, print } from './print.ts';
import { progressLine } from '../render/progress-line.ts';
import { clockTime } from '../render/release.ts';
import { renderFrame } from '../render/watch.ts';
import type { SeenRelease } from '../temporal/retries.ts';
import { viewOf } from '../render/view.ts';
import { plainDeep } from './untrusted.ts';

/** Where sightings of a release are shown. */
export interface Screen {
  show(sighting: Sighting): Promise<void>;
  /** Leaves the last picture standing. */
  close(): void;
}

/** A redrawn frame on a terminal, lines elsewhere, one document per change for machines. */
export async function openScreen(io: Io, format: OutputFormat): Promise<Screen> {
  if (!isForPeople(format)) return documents(io, format);
  const isRedrawable = io.stdout.isTTY === true && io.env['TERM'] !== 'dumb';
  return isRedrawable ? await frames(io, format) : lines(io);
}

async function frames(io: Io, format: OutputFormat): Promise<Screen> {
  const { createLogUpdate } = await import('log-update');
  const draw = createLogUpdate(io.stdout);
  return {
    show({ state, silentFor }) {
      // The size is asked each time: people resize terminals while they watch.
      const view = {
        ...viewOf(io.stdout, io.env, format),
        columns: io.stdout.columns ?? 80,
        rows: io.stdout.rows ?? 24,
      };
      draw(renderFrame(plainDeep(state), io.now(), { ...view, silentFor }));
      return Promise.resolve();
    },
    close: () => draw.done(),
  };
}

function lines(io: Io): Screen {
  let shown = '';
  return {
    show({ state, silentFor }) {
      const line =
        silentFor > 0 ? 'no answer; waiting for Temporal or a worker to come back' : progressLine(plainDeep(state));
      if (line !== shown) io.stdout.write(`${clockTime(io.now())}  ${line}\n`);
      shown = line;
      return Promise.resolve();
    },
    close: () => undefined,
  };
}

function documents(io: Io, format: OutputFormat): Screen {
  let shown = '';
  return {
    async show({ state }) {
      const text = JSON.stringify(state);
      if (text === shown) return;
      shown = text;
      await print<SeenRelease>(io, format, state, () => '');
    },
    close: () => undefined,
  };
}
