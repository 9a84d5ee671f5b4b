import type { CallTrouble } from '../../release/progress/call-trouble.ts';

/** How a release learns that a call of it fails: only its activity and Temporal see attempts. */
export interface Troubles {
  /**
   * Tells the workflow of the activity that calls. Best effort and bounded in time: never rejects.
   */
  tell(trouble: CallTrouble): Promise<void>;
}

/** Nobody is told. */
export const NO_TROUBLES: Troubles = { tell: () => Promise.resolve() };
