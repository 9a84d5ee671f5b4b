/** Waits like a request on the network does: it ends when its caller gives up. @throws the reason of `signal` */
export async function unlessAborted(awaited: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) {
    await awaited;
    return;
  }
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([awaited, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
