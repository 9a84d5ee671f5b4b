/** `2 unreadable messages`: that somebody tried something which was not understood is told, never dropped. */
export function unreadableText({ unreadable = 0 }: { readonly unreadable?: number | undefined }): string {
  if (unreadable === 0) return '';
  return `${unreadable} unreadable ${unreadable === 1 ? 'message' : 'messages'}`;
}
