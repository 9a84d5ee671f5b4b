import type { ServiceQuality } from '../../release/fleet/fleet.ts';
import type { RawGameServer, RawQuality } from './fake-set-model.ts';

/**
 * The writes of OpenKruiseGame into a GameServer because of a new result of a service quality, or undefined for nothing
 * (v1.0.0 pkg/controllers/gameserver/gameserver_manager.go, syncServiceQualities). Fields that the action does not name
 * stay as they are.
 */
export function afterQuality(
  gameServer: RawGameServer,
  { serviceQualityAction: actions = [] }: RawQuality,
  { status, message }: ServiceQuality,
): RawGameServer | undefined {
  const taken = actions.filter(
    ({ state, result = '' }) => status === (state ? 'True' : 'False') && (result === '' || result === message),
  );
  const spec = taken.reduce((before, action) => ({ ...before, ...wanted(action, message) }), gameServer.spec);
  const isChanged =
    spec.updatePriority !== gameServer.spec.updatePriority || spec.opsState !== gameServer.spec.opsState;
  return isChanged ? { ...gameServer, spec } : undefined;
}

type Action = NonNullable<RawQuality['serviceQualityAction']>[number];

function wanted({ updatePriority, opsState }: Action, message: string): Partial<RawGameServer['spec']> {
  const priority = updatePriority === 'result' ? Number.parseInt(message, 10) : updatePriority;
  return {
    ...(priority === undefined || Number.isNaN(priority) ? {} : { updatePriority: priority }),
    ...(opsState === undefined ? {} : { opsState }),
  };
}

/** A pod condition's message as OpenKruiseGame reads it. */
export function asRead({ status, message }: ServiceQuality): ServiceQuality {
  return { status, message: message.replaceAll(/[|\n]/g, '') };
}
