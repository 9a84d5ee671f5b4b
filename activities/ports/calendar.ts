import type { FreezeWindow } from '../../release/spec/freeze-spec.ts';

/** The freeze windows of a whole cluster, as they are written down now; or why they cannot be read. */
export type CalendarReading = { readonly windows: readonly FreezeWindow[] } | { readonly problem: string };

/** Where the freeze windows of a whole cluster are written down. Read anew each time. */
export interface Calendar {
  read(): Promise<CalendarReading>;
}
