/** What a process counts of itself, read at its `/metrics`. */
import { parseMetrics, type Sample } from '@spillway/metrics'
import { request } from 'undici'

/** All its series. */
export async function seriesOf({ url }: { readonly url: string }): Promise<Sample[]> {
  const { body } = await request(`${url}/metrics`, { reset: true })
  return parseMetrics(await body.text())
}

/** The sum of those of this name, with these labels. */
export function sumOf(series: readonly Sample[], name: string, labels: Sample['labels'] = {}): number {
  const isMeant = (each: Sample) =>
    each.name === name && Object.entries(labels).every(([label, value]) => each.labels[label] === value)
  return series.filter(isMeant).reduce((sum, { value }) => sum + value, 0)
}
