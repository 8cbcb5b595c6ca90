/** Every dashboard, and the file that Grafana reads it from. */
import path from 'node:path'
import { type Dashboard, grafana } from './dashboard.ts'
import { balancing } from './dashboards/balancing.ts'
import { cache } from './dashboards/cache.ts'
import { jobs } from './dashboards/jobs.ts'
import { overview } from './dashboards/overview.ts'

export const dashboards: readonly Dashboard[] = [overview, balancing, cache, jobs]

const FOLDER = path.resolve(import.meta.dirname, '../grafana/dashboards')

/** Path and text of each file. */
export function files(): { file: string; text: string }[] {
  return dashboards.map((dashboard) => ({
    file: path.join(FOLDER, `${dashboard.uid}.json`),
    text: `${JSON.stringify(grafana(dashboard), undefined, 2)}\n`,
  }))
}
