import type { Notice } from '../../release/notices/notice.ts';

/** An HTTP sink, as the policy names it. */
export interface HttpSink {
  readonly url: string;
  /** File with the secret of Standard Webhooks. Read at each delivery, so that it can be changed. */
  readonly secretFile: string;
}

/**
 * The result of a try to deliver a notice. Trouble is one sentence without secrets; it is tried again. A notice that is refused for good
 * is not: the next one may pass.
 */
export type Delivery =
  | { readonly kind: 'refused'; readonly trouble: string }
  | { readonly kind: 'delivered'; readonly receipt?: string | undefined }
  | { readonly kind: 'trouble'; readonly trouble: string; readonly retryAfterMs?: number | undefined };

/** Sends notices to HTTP sinks. Bounded in time; never throws for what happens to the notice. */
export interface NoticeSender {
  send(sink: HttpSink, notice: Notice, receipt: string | undefined, signal?: AbortSignal): Promise<Delivery>;
}
