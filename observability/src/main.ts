/** Writes Grafana's dashboards: `pnpm --filter @spillway/observability dashboards`, after each change of their code. */
import { writeFileSync } from 'node:fs'
import { files } from './files.ts'

for (const { file, text } of files()) writeFileSync(file, text)
