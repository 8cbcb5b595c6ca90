/** What a terminal may be shown of text that others had a hand in. */

/** Escape sequences move the cursor, rename the window or worse; marks of direction show a line in another order. */
const UNPRINTABLE = /[^\P{Cc}\n\t]|\p{Bidi_Control}|[\u2028\u2029]/gu

/** Writes out control characters as JSON does: `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
