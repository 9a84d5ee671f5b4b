import type { Instead } from '../fleet/order.ts';
import type { Plan, PlannedServer, Wave } from './plan.ts';

/**
 * The plan after servers of later waves have moved in this one: they belong to it now, and those whose place they took go
 * where they came from.
 *
 * | waves | wave | taken | left | after |
 * |---|---|---|---|---|
 * | 9, 8 7, 6 5 | 2 | 5 | 7 | 9, 8 5, 6 7 |
 */
export function reordered(plan: Plan, wave: number, { taken, left }: Instead): Plan {
  const planned = plan.waves.flatMap(({ servers }) => servers);
  const coming = planned.filter(({ name }) => taken.includes(name));
  const waiting = planned.filter(({ name }) => left.includes(name));
  const inPlace = (server: PlannedServer): readonly PlannedServer[] => {
    if (!taken.includes(server.name)) return [server];
    const next = waiting.shift();
    return next ? [next] : [];
  };
  const changed = (one: Wave): Wave => {
    if (one.number < wave) return one;
    if (one.number > wave) return { ...one, servers: one.servers.flatMap(inPlace) };
    return { ...one, servers: [...one.servers.filter(({ name }) => !left.includes(name)), ...coming] };
  };
  return { ...plan, waves: plan.waves.map(changed) };
}
