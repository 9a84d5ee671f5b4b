import type { Departed, LiveChanges } from '../release/fleet/newcomers.ts';
import { liveChangesText } from '../release/fleet/newcomers.ts';
import type { PlannedServer } from '../release/plan/plan.ts';

/** What others make of the set while a release runs. */
export class LiveSet {
  /** Planned servers that are not the ones any more that were planned. */
  readonly departed = new Map<string, Departed>();
  readonly proved: PlannedServer[] = [];
  readonly notProved: PlannedServer[] = [];

  /** True while a planned server is the one that was planned, as far as is known. */
  readonly isHere = ({ name }: Pick<PlannedServer, 'name'>): boolean => !this.departed.has(name);

  /** What came and went, for the last sentence of the release. */
  get changes(): LiveChanges {
    const names = (servers: readonly PlannedServer[]): string[] => servers.map(({ name }) => name);
    const gone = [...this.departed].filter(([, how]) => how === 'gone').map(([name]) => name);
    return { proved: names(this.proved), notProved: names(this.notProved), gone };
  }

  /** The same as the end of a sentence. */
  get text(): string {
    return liveChangesText(this.changes);
  }
}
