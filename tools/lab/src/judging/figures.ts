/** How figures are written, in the terminal and in the report: with their units, and never as NaN. */

/** Where there is nothing to tell. */
const NONE = '–'

/** Three significant digits, more before the point where there are more: `0.0123`, `4.57`, `1,235`. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return NONE
  if (Math.abs(value) >= 100) return whole(value)
  return String(Number(value.toPrecision(3)))
}

export function whole(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : NONE
}

/** Of a share, 0 to 1. Four digits, so that what is a little beyond a limit does not look as if it were at it. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Number((100 * share).toPrecision(4))} %` : NONE
}

/** As it is seen in a sample, with three digits. */
export const share = (value: number) => percent(Number(value.toPrecision(3)))

export const milliseconds = (value: number) => unit(figure(value), 'ms')
export const perSecond = (value: number) => unit(figure(value), 'requests a second')
export const megabytes = (bytes: number) => unit(whole(bytes / 2 ** 20), 'MiB')

/** `1 gateway`, `3 gateways`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

const unit = (text: string, name: string) => (text === NONE ? NONE : `${text} ${name}`)
