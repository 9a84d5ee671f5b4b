/** How a person says in one line what makes an engine load new files; commands run in the container of the engine. */
export const RELOADS = ['exec PROGRAM ARGUMENT ...', 'http PORT PATH', 'self'] as const;

/** How a person says in one line how an engine proves its version. */
export const PROOFS = [
  'http PORT PATH',
  'exec PROGRAM ARGUMENT ...',
  'file PATH',
  'log LINE',
  'serviceQuality NAME',
] as const;
