/** `report`: all items of the db service as CSV, with totals, read a page at a time. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { type Run, TaskError, task } from './task.ts'

/** What we read of the db service's pages; it may send more. */
const Page = Type.Object({
  items: Type.Array(
    Type.Object({ key: Type.String(), value: Type.Unknown(), version: Type.Integer(), updatedAt: Type.String() }),
  ),
  next: Type.Union([Type.String(), Type.Null()]),
})
type Page = Static<typeof Page>

const PAGE_ITEMS = 1000
const PAGE_WITHIN_MS = 10_000
/** So that the result stays under 1 MiB as JSON, where a line break and a quotation mark need two bytes. */
const CSV_BYTES = 768 * 1024
const HEADER = 'key,version,updatedAt,value\n'

/**
 * @param endpoints of the db service; pages are asked for in turn. One that begins with `dns+` needs no more than its
 * name here: for each connection, `fetch` asks DNS itself and tries one address after the other.
 * How many pages there are nobody knows before the last, so this task tells no progress.
 */
export function reportTask(endpoints: readonly string[], request: typeof fetch = fetch) {
  const origins = endpoints.map((endpoint) => endpoint.replace('dns+', ''))
  return task({
    input: Type.Object({}, { additionalProperties: false }),
    async run(_input, { signal }) {
      const report = new Report()
      let pages = 0
      for (let after: string | null = ''; after !== null; pages++) {
        const page: Page = await read(origins[pages % origins.length] as string, after, signal, request)
        if (page.next !== null && page.next <= after) throw new TaskError('the pages of items do not end')
        for (const item of page.items) report.add(item)
        after = page.next
      }
      return report.result
    },
  })
}

class Report {
  #items = 0
  #valueBytes = 0
  #csv: string[] = [HEADER]
  #csvBytes = HEADER.length
  #csvItems = 0

  add({ key, version, updatedAt, value }: Page['items'][number]): void {
    const json = JSON.stringify(value)
    this.#items++
    this.#valueBytes += Buffer.byteLength(json)
    const line = `${key},${version},${updatedAt},${quoted(json)}\n`
    const bytes = Buffer.byteLength(JSON.stringify(line)) - 2
    // The first line that does not fit ends the text, so that it holds the first items without a gap.
    if (this.#csvItems < this.#items - 1 || this.#csvBytes + bytes > CSV_BYTES) return
    this.#csv.push(line)
    this.#csvBytes += bytes
    this.#csvItems++
  }

  /** `csvItems` is less than `items` where the text ends early: it would be too long. */
  get result() {
    return { items: this.#items, valueBytes: this.#valueBytes, csvItems: this.#csvItems, csv: this.#csv.join('') }
  }
}

/** RFC 4180, 2: in quotation marks, and those within doubled. Keys, versions and times have none to double. */
function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

async function read(origin: string, after: string, signal: Run['signal'], request: typeof fetch): Promise<Page> {
  const query = new URLSearchParams({ limit: String(PAGE_ITEMS), ...(after === '' ? {} : { after }) })
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PAGE_WITHIN_MS)])
  let answer: Response
  let page: unknown
  try {
    answer = await request(`${origin}/data?${query}`, {
      signal: patience,
      headers: { 'x-timeout-ms': String(PAGE_WITHIN_MS) },
    })
    page = await answer.json()
  } catch (cause) {
    signal.throwIfAborted()
    throw new TaskError('the items could not be read: their service did not answer as it should', { cause })
  }
  if (answer.status !== 200) {
    const permanent = answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 408
    throw new TaskError(`the items could not be read: their service answered ${answer.status}`, { permanent })
  }
  if (!Value.Check(Page, page)) {
    throw new TaskError('the items could not be read: what came is no page of items', { permanent: true })
  }
  return page
}
