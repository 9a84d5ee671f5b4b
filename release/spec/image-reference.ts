/** An image as a pod names it. */
export interface ImageReference {
  /** With the registry, if it has one. */
  readonly name: string;
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

// The grammar of https://github.com/distribution/reference (reference.go, regexp.go), from the smallest part to the largest.
const LABEL = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const HOST = String.raw`(?:${LABEL}(?:\.${LABEL})*|\[[0-9A-Fa-f:]+\])`;
const DOMAIN = `${HOST}(?::[0-9]+)?`;
const PATH = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const NAME = `(?:${DOMAIN}/)?${PATH}(?:/${PATH})*`;
const TAG = String.raw`[\w][\w.-]{0,127}`;
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}';
const REFERENCE = new RegExp(`^(?<name>${NAME})(?::(?<tag>${TAG}))?(?:@(?<digest>${DIGEST}))?$`);

/** Hexadecimal digits of the digests that there are (github.com/opencontainers/go-digest); others no registry takes. */
const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
/** Longest name of a repository with its registry. */
const MOST_NAME = 255;

/** Reads an image by the grammar that registries have; undefined when it is none. */
export function readImageReference(text: string): ImageReference | undefined {
  const { name, tag, digest } = REFERENCE.exec(text)?.groups ?? {};
  if (name === undefined || name.length > MOST_NAME) return undefined;
  return digest === undefined || isDigest(digest) ? { name, tag, digest } : undefined;
}

function isDigest(digest: string): boolean {
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = DIGEST_LENGTHS[algorithm];
  return hex.length === length && hex === hex.toLowerCase();
}

/**
 * The tag of an image: `registry:5000/a/b:v2.0@sha256:...` -> `v2.0`. Empty when there is none, or when the text is no image.
 */
export function imageTag(image: string): string {
  return readImageReference(image)?.tag ?? '';
}
