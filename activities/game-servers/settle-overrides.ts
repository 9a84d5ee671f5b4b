import { containerOf } from '../../release/fleet/fleet.ts';
import { overridePatch } from '../../release/patches/overrides.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { stepReport } from '../../release/checks/verdict.ts';
import type { Wish } from './game-server-writer.ts';
import { assertGameServers } from './game-server-writer.ts';
import type { Servers } from '../ports/servers.ts';
import type { GameServers } from '../ports/game-servers.ts';
import type { SetRef } from '../../release/fleet/fleet.ts';

/** Take overrides of one container's image away, or put those back that were there before. */
export interface SettleOverridesInput {
  readonly set: SetRef;
  readonly servers: readonly string[];
  readonly container: string;
  /** The override from now on; absent when nothing is. The pods run this image, or the template's, already. */
  readonly image?: string;
  /** Images that the release itself has written: any other override is somebody else's and stays. */
  readonly own: readonly string[];
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

/**
 * Leaves GameServers with the override that they are to keep, or with none. Their pods run the right image already:
 * taking an override away restores nothing, so it is only ever taken away from a pod that needs no restoring.
 */
export function settleOverrides(cluster: Servers & GameServers): (input: SettleOverridesInput) => Promise<StepReport> {
  return async ({ set, servers, container, image, own, token, deadline }) => {
    const wish: Wish = {
      patch: (gameServer, fresh) => overridePatch(gameServer, { container, image }, fresh),
      holds: ({ imageOverrides }, pod) =>
        imageOverrides[container] === image &&
        (image === undefined || (pod !== undefined && containerOf(pod.containers, container)?.image === image)),
      isForeign: ({ imageOverrides: { [container]: found } }) =>
        found !== undefined && found !== image && !own.includes(found),
    };
    const wishes = new Map(servers.map((name) => [name, wish]));
    const { late, foreign, denied } = await assertGameServers(cluster, { set, wishes, token, deadline });
    const others = foreign.map(({ name, imageOverrides }) => ({
      server: name,
      class: 'overridden' as const,
      reason: `somebody has given GameServer ${name} the image ${imageOverrides[container] ?? ''} for ${container}: hotwave does not take that away`,
    }));
    const unwritten = late.map(({ name, imageOverrides }) => ({
      server: name,
      class: 'overridden' as const,
      reason:
        denied.get(name) ??
        `GameServer ${name} overrides the image of ${container} with ${imageOverrides[container] ?? 'nothing'}, and not with ${image ?? 'nothing'}: see that kruise-game-manager runs`,
    }));
    const failures = [...others, ...unwritten];
    return stepReport(servers.length - failures.length, failures);
  };
}
