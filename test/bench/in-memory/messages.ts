import type { policyOf } from '../../support/http-sinks.ts';
import type { ClusterFailure } from '../product.ts';

/** The settings of the worker's process. */
export interface WorkerStart {
  readonly kind: 'start';
  /** host:port of Temporal. */
  readonly address: string;
  readonly clusterName: string;
  /** The receivers of the news of releases. Default nobody, and there is no policy. */
  readonly sinks?: Parameters<typeof policyOf>[0];
  /** The people who may click; there are no sinks then. */
  readonly people?: ClickPeople;
}

/** So many people, p1, p2 and so on, of whom 20 approve a wave, by Standard Webhooks through a gateway with this key. */
export interface ClickPeople {
  readonly count: number;
  /** `ssh-ed25519 AAAA…` */
  readonly key: string;
}

/**
 * A call of the worker to the cluster in the other process. `next` and `end` belong to a stream that an earlier call
 * opened; `abort` gives up the call with this id.
 */
export interface ClusterCall {
  readonly kind: 'call' | 'open' | 'next' | 'end' | 'abort';
  readonly id: number;
  readonly operation: string;
  readonly parameters: readonly unknown[];
  /** The id of the call that opened the stream. */
  readonly stream: number;
}

/** The result of a call. */
export type ClusterAnswer = { readonly kind: 'answer'; readonly id: number } & (
  { readonly result: unknown } | { readonly failure: FailureFacts }
);

/** A failure that travels; `reason` is only there for a failure of the cluster. */
export interface FailureFacts {
  readonly reason?: ClusterFailure['reason'];
  readonly message: string;
  readonly retryable: boolean;
}

/** Stands for an AbortSignal in parameters, which cannot travel. */
export const SIGNAL = 'the signal of this call';
