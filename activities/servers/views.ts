/**
 * The objects of several lists that are followed, and a wait until one of them shows something else. They are stopped
 * by the signal that they were made with.
 */
export class Views {
  #news = Promise.withResolvers<undefined>();
  #trouble: { readonly error: unknown } | undefined;

  /** Follows one more list; gives what it shows now, undefined as long as it has shown nothing. */
  follow<View>(views: AsyncIterable<View>): () => View | undefined {
    let latest: View | undefined;
    void this.#take(views, (view) => {
      latest = view;
    });
    return () => latest;
  }

  /** Lets whoever waits look again: something else than a list has changed. */
  wake(): void {
    this.#news.resolve(undefined);
  }

  /** Resolves when something has been shown since the last call. @throws what ended one of the lists */
  async changed(): Promise<void> {
    await this.#news.promise;
    this.#news = Promise.withResolvers();
    if (this.#trouble) throw this.#trouble.error;
  }

  async #take<View>(views: AsyncIterable<View>, show: (view: View) => void): Promise<void> {
    try {
      for await (const view of views) {
        show(view);
        this.#news.resolve(undefined);
      }
    } catch (error) {
      this.#trouble ??= { error };
      this.#news.resolve(undefined);
    }
  }
}
