import { z } from 'zod';
import { isPlain, plainText } from './plain-text.ts';

/**
 * A name that people are known by, or a line that they write into a file. A text that is not plain is refused and not
 * mended: two names that look alike must not become one.
 */
export function plainLine(most: number): z.ZodString {
  return z
    .string({ error: 'expected text; put numbers in quotes' })
    .min(1, 'expected some text')
    .max(most, `expected at most ${most} characters`)
    .refine(isPlain, 'expected one line without control characters or invisible ones');
}

/** A free text of people, such as a reason: several lines are common in chats, so it is mended. */
export function remark(most: number): z.ZodType<string, string> {
  return z
    .string({ error: 'expected text' })
    .max(most, `expected at most ${most} characters`)
    .transform((text) => plainText(text));
}
