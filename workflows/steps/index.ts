import type { Event } from '../../release/progress/events.ts';
import type { Step } from '../../release/progress/step.ts';
import { monitorAfter } from '../begin-monitor.ts';
import type { Perform, StepContext } from './context.ts';
import { calendar } from './calendar-step.ts';
import { admit, follow, look, newcomers, overrides, snapshot, takeBack, whereabouts } from './fleet-steps.ts';
import { bake, files, health, move, prove, reload } from './server-steps.ts';
import {
  checkTemplate,
  controls,
  noteStuck,
  open,
  priorities,
  putBack,
  reassert,
  recordEnd,
  recordLeft,
  stage,
} from './set-steps.ts';
import { wait } from './waits.ts';

type Performers = { readonly [Kind in Step['kind']]: Perform<Kind> };

const nothing = (): Promise<readonly Event[]> => Promise.resolve([]);

/** How each kind of step is done. */
const PERFORMERS: Performers = {
  note: (_context, { event }) => Promise.resolve([event]),
  end: nothing,
  calendar,
  priorities,
  stage,
  open,
  checkTemplate,
  move,
  files,
  admit,
  reload,
  prove,
  health,
  bake,
  look,
  whereabouts,
  newcomers,
  follow,
  snapshot,
  takeBack,
  overrides,
  putBack,
  recordEnd,
  controls,
  recordLeft,
  reassert,
  noteStuck,
  monitor: async ({ run, monitorInterval }) => [
    { kind: 'monitored', problem: await monitorAfter(run.release, monitorInterval) },
  ],
  wait,
};

/** Does a step, and says what happened. */
export async function performStep(context: StepContext, step: Step): Promise<readonly Event[]> {
  const perform = PERFORMERS[step.kind] as Perform<typeof step.kind>;
  return await perform(context, step);
}
