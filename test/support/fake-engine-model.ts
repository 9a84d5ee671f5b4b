/** A value for all servers, or one for each. */
export type ByServer<Value> = Value | ((server: string) => Value);

/** The value for this server. */
export function valueFor<Value extends number | string | boolean>(of: ByServer<Value>, server: string): Value {
  return typeof of === 'function' ? of(server) : of;
}

/** How the engines of a set behave; everything has a usual value. */
export interface FakeEngineModel {
  /** They watch the shared folder and load what arrives. Default only when told to. */
  readonly watchesFiles?: boolean;
  /**
   * The effect of a reload. Default `load`. `restart`: it ends the engine, and the kubelet starts it again at once in
   * its pod, where it loads the files that are there.
   */
  readonly onReload?: ByServer<'load' | 'restart'>;
  /** From the reload (or the files' arrival) until the version is loaded, in ms; the answer comes before. Default 0. */
  readonly loadMs?: ByServer<number>;
  /** It reads the files at once when it is told to reload, and loads what it has read `loadMs` later. */
  readonly readsWhenTold?: boolean;
  /** From the reload until its answer, in ms; the version is loaded right before it, or `loadMs` later. Default 0. */
  readonly answerMs?: ByServer<number>;
}
