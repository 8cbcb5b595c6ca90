/** Reads a body by lines, and what follows a line as bytes: for the purge stream and for decided waits. */

export class LineReader {
  readonly #chunks: AsyncIterator<Buffer>
  readonly #maxBytes: number
  #rest: Buffer = Buffer.alloc(0)

  /** `maxBytes`: the longest line, and the longest remainder. */
  constructor(body: AsyncIterable<Buffer>, maxBytes: number) {
    this.#chunks = body[Symbol.asyncIterator]()
    this.#maxBytes = maxBytes
  }

  /** The next line without its end; undefined where the body ended, whether or not in the middle of a line. */
  async line(): Promise<string | undefined> {
    const parts: Buffer[] = []
    for (let bytes = 0; bytes <= this.#maxBytes; bytes += this.#rest.length) {
      const end = this.#rest.indexOf(10)
      if (end >= 0) {
        parts.push(this.#rest.subarray(0, end))
        this.#rest = this.#rest.subarray(end + 1)
        return Buffer.concat(parts).toString()
      }
      parts.push(this.#rest)
      const { value, done } = await this.#chunks.next()
      if (done) return undefined
      this.#rest = value
    }
    throw new Error(`a line is longer than ${this.#maxBytes} bytes`)
  }

  /** The next so many bytes. */
  async bytes(count: number): Promise<Buffer> {
    if (count > this.#maxBytes) throw new Error(`${count} bytes are more than ${this.#maxBytes}`)
    const parts = [this.#rest]
    let missing = count - this.#rest.length
    while (missing > 0) {
      const { value, done } = await this.#chunks.next()
      if (done) throw new Error('a body ended too early')
      parts.push(value)
      missing -= value.length
    }
    const all = Buffer.concat(parts)
    this.#rest = all.subarray(count)
    return all.subarray(0, count)
  }

  /** All that is left. */
  async remainder(): Promise<Buffer> {
    const parts = [this.#rest]
    let bytes = this.#rest.length
    for (;;) {
      const { value, done } = await this.#chunks.next()
      if (done) return Buffer.concat(parts)
      bytes += value.length
      if (bytes > this.#maxBytes) throw new Error(`a body is longer than ${this.#maxBytes} bytes`)
      parts.push(value)
    }
  }
}
