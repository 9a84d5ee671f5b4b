import { afterAll, beforeAll } from 'vitest';
import { startLab } from '../lab/lab.ts';
import type { Lab } from '../lab/lab.ts';
import { startHotwave } from './hotwave.ts';
import type { Hotwave } from './hotwave.ts';

/** A truth lab with a worker on it, there for all tests of the file that calls this. */
export function truthWorld(): { readonly lab: Lab; readonly hotwave: Hotwave } {
  let lab: Lab | undefined;
  let hotwave: Hotwave | undefined;
  beforeAll(async () => {
    lab = await startLab({ kind: 'truth', schedules: true });
    hotwave = await startHotwave(lab);
  });
  afterAll(async () => {
    await hotwave?.stop();
    await lab?.stop();
  });
  return {
    get lab(): Lab {
      return lab!;
    },
    get hotwave(): Hotwave {
      return hotwave!;
    },
  };
}
