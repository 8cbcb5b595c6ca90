/** The cache service on a simulated host: the real coherence behind the wire, as `src/routes` has it over HTTP. */
import { type Decision, digest, frame, HEADER, openFrame, type Surrender, seal } from '@spillway/cache-client'
import { TtlCache } from '@spillway/ttl-cache'
import { Coherence } from '../../src/coherence.ts'
import type { Decided, Stored } from '../../src/leases.ts'
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
      tell: (decided: Decided) => this.#tell(hash, decided, answer),
      end: () => answer.end(),
    }
    const held = headers[HEADER.refresh]
    const verdict = this.#coherence.ask(hash, asker, held === undefined ? undefined : Number(held))
    if (verdict === 'gone') {
      reply(answer, 410)
      return
    }
    const { name, seq } = verdict
    const told = { [HEADER.verdict]: name, [HEADER.seq]: String(seq) }
    if (name === 'lease') {
      const { token, stale } = verdict
      this.#history.granted(hash, token, answer)
      const enclosed = stale ? this.#framed(stale) : Buffer.alloc(0)
      answer.head(200, { ...told, [HEADER.token]: token, ...(stale ? { [HEADER.stale]: `${enclosed.length}` } : {}) })
      answer.write(enclosed)
    } else {
      answer.head(200, told)
    }
    if (name === 'hit') answer.write(this.#framed(verdict.entry))
    if (name === 'hit' || name === 'pass') answer.end()
    else answer.onClose = () => this.#coherence.leave(hash, asker)
  }

  #tell(hash: string, decided: Decided, answer: Answer): void {
    const { outcome, seq } = decided
    const entry = outcome === 'filled' ? decided.entry : outcome === 'pass' ? undefined : decided.stale
    const enclosed = entry ? this.#framed(entry) : Buffer.alloc(0)
    const lines: Record<Decided['outcome'], () => Decision> = {
      filled: () => ({ outcome: 'filled', seq }),
      pass: () => ({ outcome: 'pass', seq }),
      lease: () => {
        const { token } = decided as Extract<Decided, { outcome: 'lease' }>
        this.#history.granted(hash, token, answer)
        return { outcome: 'lease', seq, token, ...(entry ? { stale: enclosed.length } : {}) }
      },
      failed: () => {
        const { status, error } = decided as Extract<Decided, { outcome: 'failed' }>
        return { outcome: 'failed', seq, status, error, ...(entry ? { stale: true } : {}) }
      },
    }
    answer.write(`${JSON.stringify(lines[outcome]())}\n`)
    answer.write(enclosed)
    if (outcome !== 'lease') answer.end()
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
