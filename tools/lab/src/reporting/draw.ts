/** Draws charts as SVG: a process of its own, for ECharts numbers what it draws by the process, and a report is to be the same each time. */
import { text } from 'node:stream/consumers'
import * as echarts from 'echarts'
import type { Chart } from './chart.ts'

const drawn = (JSON.parse(await text(process.stdin)) as Chart[]).map((chart) => draw(chart))
process.stdout.write(JSON.stringify(drawn))

function draw({ title, description, option, width, height }: Chart): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption(option)
    // For those who hear a report; ECharts' own words for it are not written into SVG.
    const named = `<title>${escaped(title)}</title>\n<desc>${escaped(description)}</desc>\n`
    return `${chart.renderToSVGString().replace(/^(<svg[^>]*)>/, `$1 role="img">\n${named}`)}\n`
  } finally {
    // Its timers would keep the process.
    chart.dispose()
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
