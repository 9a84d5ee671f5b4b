import type { SetWrite } from '../../activities/set/set-writes.ts';
import type { Event, SetWritten } from '../../release/progress/events.ts';
import type { Step } from '../../release/progress/step.ts';
import type { SetWatch } from '../set-watch.ts';
import type { RunningRelease } from '../running-release.ts';

/** The values that the steps of one release share. */
export interface StepContext {
  readonly run: RunningRelease;
  readonly watch: SetWatch;
  /** Time between two looks of the monitor that follows, in milliseconds. Default: by the size of the set. */
  readonly monitorInterval?: number | undefined;
}

/** A step of one kind. */
export type StepOf<Kind extends Step['kind']> = Extract<Step, { readonly kind: Kind }>;

/** Does one kind of step, and says what happened. */
export type Perform<Kind extends Step['kind']> = (
  context: StepContext,
  step: StepOf<Kind>,
) => Promise<readonly Event[]>;

/** A write of the set as the table understands it. */
export function writtenOf(write: SetWrite): SetWritten {
  if (write.kind !== 'foreign') return write;
  const { reason, hold, fence, templateChanged, orderChanged, instead, found, undoneBy } = write;
  return hold === undefined
    ? { kind: 'refused', reason, templateChanged, orderChanged, fence, found }
    : { kind: 'written', hold, reason, fence, instead, undoneBy };
}

/** The values on the set after a write that changed nothing but records. */
export function markOf({ fence }: SetWrite): readonly Event[] {
  return fence === undefined ? [] : [{ kind: 'marked', fence }];
}
