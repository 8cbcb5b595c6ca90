/** `Prefer: wait=N` (RFC 7240, 4.3): how long the client would like us to hold the answer back for the job's end. */

const LONGEST_WAIT_S = 60

/** Seconds to wait, at most 60; undefined where there is no such preference, or none that can be read. */
export function waitOf(prefer: string | undefined): number | undefined {
  for (const preference of (prefer ?? '').match(PREFERENCES) ?? []) {
    const [, name = '', value = ''] = /^\s*([^=;\s]+)\s*(?:=\s*("[^"]*"|[^;\s]*))?/.exec(preference) ?? []
    if (name.toLowerCase() !== 'wait') continue
    // Of several only the first counts (RFC 7240, 2).
    const seconds = /^"?(\d{1,9})"?$/.exec(value)?.[1]
    return seconds === undefined ? undefined : Math.min(Number(seconds), LONGEST_WAIT_S)
  }
  return undefined
}

/** The members of the list; a comma within quotation marks divides nothing. Marks that do not close take the rest, once. */
const PREFERENCES = /(?:"(?:\\.|[^"\\])*"?|[^,"])+/g
