/** How somebody behind us may read a path that we have read otherwise, for whoever decides by the path. */

/** How often somebody may decode what was encoded more than once. */
const MOST_DECODINGS = 4
/** What a path of plain segments has none of. */
const ODD = /[%\\;]|\/(?:\.|\/|$)/
// biome-ignore lint/suspicious/noControlCharactersInRegex: some servers drop them, as WHATWG's URL does tabs.
const CONTROL = /[\0-\x1f\x7f]/g
/** Some servers drop parameters before they look for dots. */
const PARENT = /^\.\.(?:[;?#]|$)/
const NOTHING = /^\.{0,2}(?:[;?#]|$)/

/** Decoded until nothing is left to decode. What matters is ASCII; the router refuses what is not UTF-8. */
export function decoded(text: string): string {
  let read = text
  for (let times = 0; read.includes('%') && times < MOST_DECODINGS; times++) {
    read = read.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return read
}

/** Whether somebody may find `..` in a path or target. */
export function climbs(target: string): boolean {
  return readSegments(target)?.some((segment) => PARENT.test(segment)) ?? false
}

/**
 * Whether somebody may find other segments in a path or target than are written: dots, nothing, a back-slash. An encoded
 * slash is a letter of its segment.
 */
export function isTwisted(target: string): boolean {
  const segments = readSegments(target)
  if (segments === undefined) return false
  return pathOf(target).includes('\\') || segments.some((segment) => NOTHING.test(segment))
}

/** Undefined for a path that everybody reads alike. */
function readSegments(target: string): readonly string[] | undefined {
  const path = pathOf(target)
  return ODD.test(path) ? decoded(path.slice(1)).replaceAll(CONTROL, '').split(/[/\\]/) : undefined
}

function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}
