/** Maps whose keys are a person's own: an entry is there or not, whatever its value. */
const MAPS: ReadonlySet<string> = new Set(['labels', 'annotations', 'nodeSelector', 'matchLabels']);
/** Maps of quantities, and single ones. */
const QUANTITY_MAPS: ReadonlySet<string> = new Set(['limits', 'requests']);
const QUANTITIES: ReadonlySet<string> = new Set(['sizeLimit', 'divisor']);

/**
 * An object of the API server as far as it means something, so that two spellings of one object are the same: a controller
 * reads it into Go's types and writes it again (OpenKruiseGame v1.0.0 does so with a whole set whose owner kills a
 * server), and that leaves false, zero and empty fields out, writes others that nobody has given (`resources: {}`,
 * `creationTimestamp: null`), and spells quantities anew (`1024Mi` as `1Gi`).
 */
export function asGoWrites(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asGoWrites);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, entry]) => [key, fieldOf(key, entry)] as const);
  return Object.fromEntries(entries.filter(([, entry]) => !isNothing(entry)));
}

function fieldOf(key: string, value: unknown): unknown {
  if (MAPS.has(key)) return value;
  if (QUANTITIES.has(key)) return amountOf(value);
  if (!QUANTITY_MAPS.has(key) || typeof value !== 'object' || value === null) return asGoWrites(value);
  return Object.fromEntries(Object.entries(value).map(([name, amount]) => [name, amountOf(amount)]));
}

/** Fields that Go leaves out, or writes where nothing is. */
function isNothing(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || value === 0 || value === '';
}

const QUANTITY = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const DECIMAL = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 } as const;
const BINARY = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 } as const;

/** A quantity (`500m`, `1Gi`, 2) as a number; what is none stays as it is. */
function amountOf(value: unknown): unknown {
  const [, digits, unit = ''] = QUANTITY.exec(String(value)) ?? [];
  if (digits === undefined) return value;
  if (unit in BINARY) return Number(digits) * 1_024 ** BINARY[unit as keyof typeof BINARY];
  if (unit in DECIMAL) return Number(`${digits}e${DECIMAL[unit as keyof typeof DECIMAL]}`);
  return Number(digits);
}
