const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * JSON as Go writes it. The API server compares what a JSON Patch tests byte by byte with its own text of the object, in
 * which these characters are escaped: `&&` in a template would never be the `&&` that was read there.
 */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
