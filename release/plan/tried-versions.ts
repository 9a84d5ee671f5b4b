/**
 * The versions that hotwave was run on, from the oldest to the newest; the lab starts each of them (`npm run lab`,
 * `npm run test:skew`), and docs/versions.md has what came of it. A new version comes here once its lab is there.
 */
export const TRIED_VERSIONS = {
  kubernetes: ['1.30.14', '1.37.2'],
  kruise: ['1.8.0', '1.8.3'],
  'kruise-game': ['1.0.0', '1.1.0'],
} as const;

/** What hotwave stands on, under the names that people write for it. */
export type Product = keyof typeof TRIED_VERSIONS;

/** The products' names for people. */
export const PRODUCT_NAMES: Readonly<Record<Product, string>> = {
  kubernetes: 'Kubernetes',
  kruise: 'OpenKruise',
  'kruise-game': 'OpenKruiseGame',
};
