/** HTTP-date (RFC 9110, 5.6.7) for whoever compares two of them. */

const FORMATS = [
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
]
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/

/** Milliseconds since 1970; undefined for whatever is none of the three formats (`Date.parse` alone takes far more). */
export function parseHttpDate(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const text = ASCTIME.test(value) ? `${value} GMT` : value
  if (text === value && !FORMATS.some((format) => format.test(value))) return undefined
  const time = Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}
