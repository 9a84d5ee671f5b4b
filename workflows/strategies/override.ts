import { waveLabel } from '../../release/narrate/narrate.ts';
import type { PlannedServer } from '../../release/plan/plan.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import type { StepReport } from '../../release/checks/verdict.ts';
import { contentOf, oneByOne, outgoingOf, patience } from '../batches.ts';
import { lasting, uninterrupted } from '../calls.ts';
import { failFast } from '../left-behind.ts';
import type { ReleaseContext } from '../strategy.ts';
import { packServers } from '../../release/fleet/server-rows.ts';

/** Gives servers the new image, or the old one, through their GameServers, so many at once, and waits until they run it. */
export function override(
  context: ReleaseContext,
  servers: readonly PlannedServer[],
  direction: 'forward' | 'rollback',
): Promise<StepReport> {
  const { run, spec, plan } = context;
  const { set, baseline } = plan;
  const back = direction === 'rollback';
  const [image, from] = back ? [baseline.oldImage, baseline.newImage] : [baseline.newImage, baseline.oldImage];
  // Back is as fast as can be: those servers are broken, or on their way out.
  const maxUnavailable = back ? Math.max(1, servers.length) : plan.maxUnavailable;
  const limit = spec.ready.timeout * Math.max(1, Math.ceil(servers.length / maxUnavailable));
  const since = Date.now();
  const doing = `gives ${servers.length} servers ${image} by an override, ${Math.min(maxUnavailable, servers.length)} at a time`;
  run.enter(back ? 'rolling-back' : 'updating', doing, {
    owner: 'kruise-game-manager and the kubelets',
    until: since + limit,
  });
  const label = back ? 'roll back' : waveLabel(run.state);
  const content = back ? {} : contentOf({ spec, plan });
  const checking = patience(spec.content ? [spec.content] : [], servers.length, spec);
  const stopAfter = failFast(context, servers);
  return oneByOne(servers, (batch) =>
    lasting(
      `${label} · override ${batch.length} servers, at most ${formatDuration(spec.ready.timeout)} each`,
      limit + checking,
    )
      .overrideServers({
        ...content,
        set,
        servers: packServers(batch),
        container: baseline.container,
        image,
        from,
        leftOn: plan.leftOn,
        direction,
        before: back ? outgoingOf(context, batch) : {},
        deadline: since + limit,
        timeout: spec.ready.timeout,
        failFast: back ? batch.length : stopAfter,
        maxUnavailable,
        token: `${run.state.release}.${plan.hash.slice(0, 8)}.${direction}`,
      })
      .then(uninterrupted),
  );
}
