import { packRelease, unpackRelease } from '../../release/progress/carried.ts';
import type { CarriedRelease } from '../../release/progress/carried.ts';
import type { Release } from '../../release/progress/table.ts';

/** The release as the next run has it. */
export function handedOn(release: Release): Release {
  return unpackRelease(JSON.parse(JSON.stringify(packRelease(release))) as CarriedRelease);
}
