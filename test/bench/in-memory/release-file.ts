import type { SetRef } from '../../../release/fleet/fleet.ts';
import { MAIN, SIDECAR } from '../../support/builders.ts';
import { releaseFrom } from '../../support/release-file.ts';
import type { Size } from '../options.ts';
import type { ReleaseInput } from '../product.ts';

/** The difference between releases of the same size. */
export interface BenchRelease {
  readonly set: SetRef;
  readonly tag: string;
  /** Before each wave but the first one: it opens by itself after 50 ms. Default false. */
  readonly hasGates?: boolean;
}

/** A release in waves of equal size, without a bake, and with everything that can be checked of a server. */
export function benchRelease(
  { servers, waves }: Pick<Size, 'servers' | 'waves'>,
  { set, tag, hasGates = false }: BenchRelease,
): ReleaseInput['file'] {
  const bounds = Array.from({ length: waves }, (_, index) => Math.round((index * servers) / waves));
  const sizes = bounds.slice(1).map((bound, index) => bound - (bounds[index] ?? 0));
  const gates = hasGates ? sizes.map((_, index) => `{ before: ${index + 2}, timeout: 50ms, onTimeout: proceed }`) : [];
  const engine = (verb: string): string => `{ exec: { container: ${MAIN}, command: [engine, ${verb}] } }`;
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: bench-${tag.replaceAll('.', '-')} }
spec:
  target: { namespace: ${set.namespace}, gameServerSet: ${set.name} }
  images: { ${SIDECAR}: "registry.test/scripts:${tag}" }
  waves: [${[...sizes, 'rest'].join(', ')}]
  gates: [${gates.join(', ')}]
  maxUnavailable: 100%
  ready: { timeout: 10m }
  content: ${engine('files')}
  reload: ${engine('reload')}
  proof: { http: { port: 8080, path: /version } }
  concurrency: { total: 200, perNode: 50 }
`);
}
