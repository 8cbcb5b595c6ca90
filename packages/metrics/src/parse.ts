/** Reads Prometheus' text form, for tools that look at the `/metrics` of services. */

export interface Sample {
  /** With its suffix, such as `http_server_request_duration_seconds_sum`. */
  name: string
  labels: Readonly<Record<string, string>>
  value: number
}

/** Name, labels, value, and a time that nobody here writes. A label may hold braces; nothing after the last one does. */
const LINE = /^([a-zA-Z_:][\w:]*)[ \t]*(?:\{(.*)\})?[ \t]*(\S+)(?:[ \t]+-?\d+)?[ \t\r]*$/s
const LABEL = /[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,[ \t]*|$)/sy
const INFINITE: Record<string, number> = { '+inf': Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY }

/**
 * The samples of a text in Prometheus' format 0.0.4, in their order; comments and types are passed over.
 *
 * @throws {Error} naming the first line that is no sample
 */
export function parseMetrics(text: string): Sample[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return []
    const sample = parseLine(line)
    if (!sample) throw new Error(`line ${index + 1} of the metrics is no sample: ${line.slice(0, 200)}`)
    return [sample]
  })
}

function parseLine(line: string): Sample | undefined {
  const [, name, labelText = '', number] = LINE.exec(line) ?? []
  if (name === undefined || number === undefined) return undefined
  const labels = parseLabels(labelText)
  const value = INFINITE[number.toLowerCase()] ?? Number(number)
  if (!labels || (Number.isNaN(value) && number.toLowerCase() !== 'nan')) return undefined
  return { name, labels, value }
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: [string, string][] = []
  LABEL.lastIndex = 0
  while (LABEL.lastIndex < text.length) {
    const [, name = '', escaped = ''] = LABEL.exec(text) ?? []
    if (name === '') return undefined
    labels.push([name, escaped.replace(/\\(.)/gs, (_, character) => (character === 'n' ? '\n' : character))])
  }
  return Object.fromEntries(labels)
}
