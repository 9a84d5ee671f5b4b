/**
 * Ordinals as runs, in their own order: unlike compact ranges they may go down, and a number may come twice.
 *
 * | ordinals | text |
 * |---|---|
 * | none | (empty) |
 * | 7 | `7` |
 * | 9 8 7 6 | `9-6` |
 * | 0 1 2 9 8 | `0-2,9-8` |
 */
export function packOrdinals(ordinals: readonly number[]): string {
  const runs: { readonly from: number; to: number; step: number }[] = [];
  for (const ordinal of ordinals) {
    const last = runs.at(-1);
    const step = last ? ordinal - last.to : 0;
    const goesOn = Math.abs(step) === 1 && (last?.step === 0 || last?.step === step);
    if (last && goesOn) [last.to, last.step] = [ordinal, step];
    else runs.push({ from: ordinal, to: ordinal, step: 0 });
  }
  return runs.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

/** More servers than a set can have: a text that asks for more is no list of ordinals. */
const MOST_ORDINALS = 1_000_000;
const RUN = /^(\d{1,10})(?:-(\d{1,10}))?$/;

/** The ordinals of such a text, in their order. @throws Error when it is none */
export function unpackOrdinals(text: string): number[] {
  const ordinals: number[] = [];
  for (const run of text === '' ? [] : text.split(',')) {
    const [whole, first, last = first] = RUN.exec(run) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (whole === undefined || ordinals.length + Math.abs(to - from) >= MOST_ORDINALS)
      throw new Error(`these are no ordinals: ${JSON.stringify(run.slice(0, 40))}`);
    const step = from <= to ? 1 : -1;
    for (let ordinal = from; ordinal !== to + step; ordinal += step) ordinals.push(ordinal);
  }
  return ordinals;
}
