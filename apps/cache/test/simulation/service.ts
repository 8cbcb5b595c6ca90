/** The cache service on a simulated host: the real coherence behind the wire, as `src/routes` has it over HTTP. */
import { type Decision, digest, frame, HEADER, openFrame, type Surrender, seal } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'
import { Coherence } from '../../src/coherence.ts'
import type { Stored } from '../../src/leases.ts'
import type { History } from './history.ts'
import type { Host } from './host.ts'
import type { Answer, Listener, Request } from './network.ts'

const TICK_MS = 100

export class SimulatedService implements Listener {
  readonly host: Host
  readonly #coherence: Coherence
  readonly #history: History

  constructor(host: Host, epoch: string, history: History) {
    const { clock } = host
    this.host = host
    this.#history = history
    this.#coherence = new Coherence({ epoch, store: new TtlCache<Stored>({ maxBytes: 1_000_000, clock }), clock })
    this.#coherence.begin()
    const tick = () => {
      this.#coherence.tick()
      host.after(TICK_MS, tick)
    }
    host.after(TICK_MS, tick)
  }

  serve({ method, path, headers, body }: Request, answer: Answer): void {
    const { pathname, searchParams } = new URL(path, 'http://cache')
    const [, resource, name = ''] = pathname.split('/')
    const json = () => JSON.parse(body.toString())
    const routes: Record<string, () => void> = {
      'GET stream': () => this.#stream(answer),
      'PUT sessions': () => reply(answer, this.#coherence.confirm(name, json().seq) ? 204 : 410),
      'DELETE sessions': () => {
        this.#coherence.forget(name)
        reply(answer, 204)
      },
      'GET entries': () => this.#ask(name, headers, answer),
      'PUT entries': () => reply(answer, this.#fill(name, headers[HEADER.token] ?? '', body) ? 204 : 409),
      'DELETE entries': () => {
        const why = Object.fromEntries(searchParams) as Record<string, string>
        const surrender = { ...why, status: Number(why['status']) } as Surrender
        const left = this.#coherence.surrender(name, headers[HEADER.token] ?? '', surrender)
        reply(answer, left === 'awaited' ? 409 : 204)
      },
      'POST purge': () => {
        this.#history.purged(json())
        void this.#coherence.purge(json()).then(() => reply(answer, 204))
      },
    }
    routes[`${method} ${resource}`]?.()
  }

  #stream(answer: Answer): void {
    const write = (line: object) => answer.write(`${JSON.stringify(line)}\n`)
    const { epoch, seq } = this.#coherence
    answer.head(200)
    const session = this.#coherence.open({ send: write, close: () => answer.destroy() })
    write({ epoch, session, seq })
    answer.onClose = () => this.#coherence.close(session)
    if (answer.closed) this.#coherence.close(session)
  }

  #ask(hash: string, headers: Request['headers'], answer: Answer): void {
    const asker = {
      session: headers[HEADER.session] ?? '',
      url: headers[HEADER.url] ?? '',
      tell: (decided: Parameters<Parameters<Coherence['ask']>[1]['tell']>[0]) => {
        const { outcome, seq } = decided
        const line: Decision = outcome === 'filled' ? { outcome, seq } : decided
        if (outcome === 'lease') this.#history.granted(hash, decided.token, answer)
        answer.write(`${JSON.stringify(line)}\n`)
        if (outcome === 'filled') answer.write(this.#framed(decided.entry))
        if (outcome !== 'lease') answer.end()
      },
      end: () => answer.end(),
    }
    const verdict = this.#coherence.ask(hash, asker)
    if (verdict === 'gone') {
      reply(answer, 410)
      return
    }
    const { name, seq } = verdict
    const token = name === 'lease' ? { [HEADER.token]: verdict.token } : {}
    answer.head(200, { [HEADER.verdict]: name, [HEADER.seq]: String(seq), ...token })
    if (name === 'lease') this.#history.granted(hash, verdict.token, answer)
    if (name === 'hit') answer.write(this.#framed(verdict.entry))
    if (name === 'hit' || name === 'pass') answer.end()
    else answer.onClose = () => this.#coherence.leave(hash, asker)
  }

  #fill(hash: string, token: string, body: Buffer): boolean {
    const at = this.host.clock()
    const entry = openFrame(body, at)
    if (digest(entry.key) !== hash) throw new Error('an entry came under another key')
    const isOpen = this.#history.isOpen(hash, token)
    const stored = this.#coherence.fill(hash, token, { sealed: seal(entry), ageMs: entry.ageMs, at })
    if (stored) this.#history.filled(hash, token, isOpen, entry)
    return stored
  }

  #framed({ sealed, ageMs, at }: Stored): Buffer {
    return frame(sealed, ageMs + this.host.clock() - at)
  }
}

function reply(answer: Answer, status: number): void {
  answer.head(status)
  answer.end()
}
