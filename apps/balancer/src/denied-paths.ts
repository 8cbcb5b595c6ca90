/** Which paths the front door keeps to itself, however they are spelt. */

/** A predicate over request targets: true for the `paths` and everything below them, in any encoding or letter case. */
export function denies(paths: readonly string[]): (target: string) => boolean {
  const denied = paths.map((path) => `${plain(path)}/`)
  return (target) => {
    const path = `${plain(target)}/`
    return denied.some((prefix) => path.startsWith(prefix))
  }
}

/** As the most lenient upstream might read it: decoded, dot segments and doubled slashes resolved, parameters dropped. */
function plain(target: string): string {
  const query = target.indexOf('?')
  const path = query < 0 ? target : target.slice(0, query)
  // Nearly every path: nothing in it has a second spelling but its letters' case.
  if (!/[%\\;]|\/[./]|\/$/.test(path)) return path.toLowerCase()
  const segments: string[] = []
  for (const part of decoded(path).replaceAll('\\', '/').split('/')) {
    const segment = part.split(';', 1)[0] as string
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment.toLowerCase())
  }
  return `/${segments.join('/')}`
}

/** Decoded until nothing changes, since the next hop may decode again what this one would have. */
function decoded(path: string): string {
  let text = path
  for (let before = ''; text !== before; ) {
    before = text
    text = text.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return text
}
