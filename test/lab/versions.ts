import { PRODUCT_NAMES, PRODUCTS, TRIED_VERSIONS } from '../../release/plan/tried-versions.ts';
import type { Product } from '../../release/plan/tried-versions.ts';

/** Which version of each product a lab runs. */
export type LabVersions = { readonly [P in Product]: (typeof TRIED_VERSIONS)[P][number] };

/** Asks for versions that there are not; the message is one sentence. */
export class UnknownVersions extends Error {}

/** The versions of a lab when nobody says otherwise. */
export const usualVersions = each((product) => TRIED_VERSIONS[product][0]);
const newestVersions = each((product) => TRIED_VERSIONS[product].at(-1)!);

/** How versions are written: for usage texts. */
export const versionsSyntax = 'newest, or some of kubernetes=VERSION,kruise=VERSION,kruise-game=VERSION';

/**
 * Reads versions as people write them: `newest`, or `kubernetes=1.37.2,kruise=1.8.3`; a product that is not named has
 * the version that it usually has.
 * @throws UnknownVersions
 */
export function parseVersions(text: string): LabVersions {
  if (text.trim() === 'newest') return newestVersions;
  const wanted = new Map<Product, string>();
  for (const part of text.split(',')) {
    const [name = '', version = '', ...rest] = part.split('=').map((word) => word.trim());
    if (!isProduct(name) || rest.length > 0) {
      throw new UnknownVersions(`versions are ${versionsSyntax}, not ${JSON.stringify(text)}`);
    }
    if (wanted.has(name)) throw new UnknownVersions(`${name} has two versions in ${JSON.stringify(text)}`);
    const tried: readonly string[] = TRIED_VERSIONS[name];
    if (!tried.includes(version)) {
      throw new UnknownVersions(
        `there is no ${PRODUCT_NAMES[name]} ${JSON.stringify(version)} for the lab; there are ${tried.join(' and ')}`,
      );
    }
    wanted.set(name, version);
  }
  return each((product) => wanted.get(product) ?? TRIED_VERSIONS[product][0]);
}

/**
 * The versions of labs that nobody chose versions for: those of HOTWAVE_LAB_VERSIONS, which is read only here, else the
 * usual ones. So a test needs not know on what it runs.
 * @throws UnknownVersions
 */
export function environmentVersions(): LabVersions {
  const text = process.env['HOTWAVE_LAB_VERSIONS']?.trim() ?? '';
  if (text === '') return usualVersions;
  try {
    return parseVersions(text);
  } catch (error) {
    throw error instanceof UnknownVersions ? new UnknownVersions(`HOTWAVE_LAB_VERSIONS: ${error.message}`) : error;
  }
}

/** As HOTWAVE_LAB_VERSIONS and `--versions` take it. */
export function writeVersions(versions: LabVersions): string {
  return PRODUCTS.map((product) => `${product}=${versions[product]}`).join(',');
}

/** For people: `Kubernetes 1.37.2, OpenKruise 1.8.3, OpenKruiseGame 1.1.0`. */
export function describeVersions(versions: LabVersions): string {
  return PRODUCTS.map((product) => `${PRODUCT_NAMES[product]} ${versions[product]}`).join(', ');
}

function each(version: (product: Product) => string): LabVersions {
  return Object.fromEntries(PRODUCTS.map((product) => [product, version(product)])) as LabVersions;
}

function isProduct(text: string): text is Product {
  return (PRODUCTS as readonly string[]).includes(text);
}
