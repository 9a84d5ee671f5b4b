import type { Event } from './events.ts';
import type { Task } from './steps.ts';

/** The next step of a release: something outside, or nothing but drawing a consequence. */
export type Step = Task | { readonly kind: 'note'; readonly event: Event };
