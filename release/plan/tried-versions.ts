import type { PreflightLine } from './preflight.ts';

/**
 * The versions that hotwave was run on, from the oldest to the newest; the lab starts each of them (`npm run lab`,
 * `npm run test:skew`), and docs/versions.md has what came of it. A new version comes here once its lab is there.
 */
export const TRIED_VERSIONS = {
  kubernetes: ['1.30.14', '1.37.2'],
  kruise: ['1.8.0', '1.8.3'],
  'kruise-game': ['1.0.0', '1.1.0'],
} as const;

/** The products that hotwave stands on, under the names that people write for it. */
export type Product = keyof typeof TRIED_VERSIONS;

/** In the order in which they are named. */
export const PRODUCTS = Object.keys(TRIED_VERSIONS) as readonly Product[];

/** The products' names for people. */
export const PRODUCT_NAMES: Readonly<Record<Product, string>> = {
  kubernetes: 'Kubernetes',
  kruise: 'OpenKruise',
  'kruise-game': 'OpenKruiseGame',
};

/** Which version a product says it has, as it writes it; or why nobody knows. */
export type FoundVersion = { readonly version: string } | { readonly unknown: string };

/** Builds before a version are not that version; a distribution's own builds of it (`-gke.100`, `+k3s1`) are. */
const VERSION = /^v?(\d+\.\d+\.\d+)(?!\d|\.\d|-(?:alpha|beta|rc))/i;

/** The lines of `doctor` about the versions that it found: a warning when hotwave never ran on one of them. */
export function versionsLine(found: readonly (readonly [Product, FoundVersion])[]): PreflightLine {
  const isNew = found.some(([product, one]) => 'version' in one && !wasTried(product, one.version));
  return {
    title: 'versions',
    status: isNew ? 'warning' : 'ok',
    detail: found.map(([product, one]) => sentenceOf(product, one)).join('; '),
  };
}

function sentenceOf(product: Product, found: FoundVersion): string {
  const name = PRODUCT_NAMES[product];
  if ('unknown' in found) return `${name} is not known: ${found.unknown}`;
  const tried = TRIED_VERSIONS[product].join(' and ');
  return wasTried(product, found.version)
    ? `${name} ${found.version} was tried`
    : `${name} ${found.version} was never tried (${tried} were)`;
}

function wasTried(product: Product, text: string): boolean {
  const version = VERSION.exec(text)?.[1];
  const tried: readonly string[] = TRIED_VERSIONS[product];
  return version !== undefined && tried.includes(version);
}
