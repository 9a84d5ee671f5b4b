import type { Mode } from '../mode.ts';
import { hotwave, targeted } from './hotwave.ts';
import { native } from './native.ts';
import { patchLoop } from './patch-loop.ts';
import { stepper } from './stepper.ts';

/** Every way of updating that can be compared, in the order of the table. */
export const modes: readonly Mode[] = [native, stepper, hotwave, patchLoop, targeted];

/** Those that move a whole set by its template; overrides of the others would stand in their way. */
export const usualModes: readonly Mode[] = [native, stepper, hotwave];
