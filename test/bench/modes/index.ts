import type { Mode } from '../mode.ts';
import { hotwave } from './hotwave.ts';
import { native } from './native.ts';
import { stepper } from './stepper.ts';

/** Every way of updating that is compared, in the order of the table. */
export const modes: readonly Mode[] = [native, stepper, hotwave];
