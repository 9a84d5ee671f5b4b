import { SEARCH_ATTRIBUTES } from '../../workflows/messages.ts';
import type { Temporal } from './connect.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import { ExitError } from '../terminal/exit-error.ts';
import { GRPC, grpcStatus } from './temporal-errors.ts';

/** `temporal.api.enums.v1.IndexedValueType`. */
const TYPES = { KEYWORD: 2, INT: 3 } as const;

type Name = keyof typeof SEARCH_ATTRIBUTES;
const NAMES = Object.keys(SEARCH_ATTRIBUTES) as Name[];

/** The search attributes of releases that a Temporal namespace has. */
export interface AttributeComparison {
  readonly existing: readonly Name[];
  readonly missing: readonly Name[];
  /** Registered, but with a type that does not fit. */
  readonly otherTypes: readonly Name[];
}

/** Compares the namespace's search attributes with those that releases carry. */
export async function compareAttributes({ connection, namespace, call }: Temporal): Promise<AttributeComparison> {
  const { customAttributes: found } = await call(() => connection.operatorService.listSearchAttributes({ namespace }));
  const fits = (name: Name): boolean => Number(found[name]) === TYPES[SEARCH_ATTRIBUTES[name]];
  return {
    existing: NAMES.filter((name) => name in found && fits(name)),
    missing: NAMES.filter((name) => !(name in found)),
    otherTypes: NAMES.filter((name) => name in found && !fits(name)),
  };
}

/** Registers search attributes. */
export async function addAttributes(temporal: Temporal, names: readonly Name[]): Promise<void> {
  const { connection, namespace, call } = temporal;
  const searchAttributes = Object.fromEntries(names.map((name) => [name, TYPES[SEARCH_ATTRIBUTES[name]]]));
  try {
    await call(() => connection.operatorService.addSearchAttributes({ namespace, searchAttributes }), 30_000);
  } catch (error) {
    const list = names.map((name) => `${name} (${SEARCH_ATTRIBUTES[name]})`).join(', ');
    if (isFull(error))
      throw new ExitError(EXIT.refused, `namespace ${namespace} has no room for the search attributes ${list}`, [
        'take out some that nobody needs (temporal operator search-attribute list, then remove), or use another namespace',
      ]);
    if (!isClosedOperatorService(error)) throw error;
    throw new ExitError(EXIT.refused, `this Temporal does not let clients register search attributes: ${list}`, [
      'Temporal Cloud: add them in its UI, or with tcld namespace search-attributes add',
    ]);
  }
}

/** A server with an SQL store has ten of a type (server 1.32). */
function isFull(error: unknown): boolean {
  const status = grpcStatus(error);
  return status?.code === GRPC.invalidArgument && /cannot have more than/.test(status.details);
}

/** True for Temporal Cloud and others that keep the operator service to themselves. */
export function isClosedOperatorService(error: unknown): boolean {
  const code = grpcStatus(error)?.code;
  return code === GRPC.permissionDenied || code === GRPC.unimplemented || code === GRPC.unauthenticated;
}
