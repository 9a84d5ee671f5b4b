import type { Mode } from '../mode.ts';
import { byHand, byHandTen } from './by-hand.ts';
import { hotwave, targeted } from './hotwave.ts';
import { native } from './native.ts';
import { patchLoop } from './patch-loop.ts';
import { fullStepper, stepper } from './stepper.ts';

/** Every way of updating that can be compared on a fleet lab, in the order of the table. */
export const modes: readonly Mode[] = [native, stepper, fullStepper, byHand, byHandTen, hotwave, patchLoop, targeted];
