import { z } from 'zod';
import { OUTCOMES, WAVE_STATES } from '../progress/state.ts';
import { OPEN_PHASES } from '../decisions/verbs.ts';

// Parts that the schemas of states and of notices share.

/** Where a release is, or how it ended. */
export const phase = z.enum([...(Object.keys(OPEN_PHASES) as (keyof typeof OPEN_PHASES)[]), ...OUTCOMES]);
/** Where a wave is. */
export const waveStatus = z.enum(WAVE_STATES);
/** A point in time. */
export const moment = z.number().meta({ description: 'Milliseconds since the epoch' });
/** The place of a GameServerSet. */
export const set = z.object({ namespace: z.string(), name: z.string() });

/** Nobody changes the lists of a value that is sent. */
export const list = <Of extends z.ZodType>(of: Of): z.ZodReadonly<z.ZodArray<Of>> => z.array(of).readonly();
