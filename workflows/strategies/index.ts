import type { ReleaseSpec } from '../../release/spec/spec.ts';
import type { ReleaseContext, Strategy } from '../strategy.ts';
import { newServersOnly } from './new-servers-only.ts';
import { rolling } from './rolling.ts';
import { targeted } from './targeted.ts';

/** How each strategy of the release file makes servers move. */
export const STRATEGIES: Readonly<Record<ReleaseSpec['strategy'], (context: ReleaseContext) => Strategy>> = {
  rolling,
  targeted,
  newServersOnly,
};
