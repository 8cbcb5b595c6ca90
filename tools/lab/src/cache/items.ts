/** What an item's body is, for the origin that sends it and for whoever must know which version came. */

/** A number first; then as long as all are. */
export const bodyOf = (version: number, bytes: number) => `${version} `.padEnd(bytes, 'x')

export const versionOf = (body: string) => Number.parseInt(body, 10)
