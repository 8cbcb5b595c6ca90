/** Text from elsewhere, such as a generator's last words or a CPU's name, as Markdown that shows it and nothing else. */

/** One line, for a line's end would end a table's row or an item of a list. An underscore within a word marks nothing. */
export function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/[\\`*[\]<>|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, '\\$&')
}

/** Of a time as `toISOString` writes it: `2026-03-01 12:00 UTC`. */
export const minuteOf = (time: string) => `${time.slice(0, 16).replace('T', ' ')} UTC`
