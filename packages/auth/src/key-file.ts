/** Keys in a file that is looked at again and again: a rotation reaches every process without a restart. */
import { unwatchFile, watchFile } from 'node:fs'
import { KeyError, type KeySource, type Keys, readKeys } from './keys.ts'

/** What of a pino logger is used. */
export interface KeyLogger {
  info(details: object, message: string): void
  error(details: object, message: string): void
}

export interface KeyFileOptions {
  readonly logger: KeyLogger
  /** Whether one of the keys must have a private half. Default: false. */
  readonly signs?: boolean
}

/** Milliseconds. Looking is the one way that notices a replaced file, a moved link and a volume of Kubernetes' alike. */
export const LOOK_EVERY_MS = 1_000

export class KeyFile implements KeySource {
  readonly #file: string
  readonly #options: KeyFileOptions
  #current: Keys
  #follower: (keys: Keys) => Promise<void> = async () => {}
  #reading: Promise<void> = Promise.resolve()

  /** @throws {KeyError} where the file cannot be read or is no usable key set */
  static async open(file: string, options: KeyFileOptions): Promise<KeyFile> {
    return new KeyFile(file, options, await read(file, options))
  }

  private constructor(file: string, options: KeyFileOptions, current: Keys) {
    this.#file = file
    this.#options = options
    this.#current = current
    watchFile(file, { interval: LOOK_EVERY_MS }, this.#changed)
  }

  get current(): Keys {
    return this.#current
  }

  follow(follower: (keys: Keys) => Promise<void>): void {
    this.#follower = follower
  }

  close(): void {
    unwatchFile(this.#file, this.#changed)
  }

  readonly #changed = () => {
    this.#reading = this.#reading.then(() => this.#read())
  }

  /** What cannot be used, half a file most often, is logged, and the keys before stay. */
  async #read(): Promise<void> {
    const { logger } = this.#options
    try {
      const keys = await read(this.#file, this.#options)
      await this.#follower(keys)
      this.#current = keys
      logger.info({ file: this.#file, kids: [...keys.verifying.keys()] }, 'the keys are read again')
    } catch (error) {
      logger.error({ err: error }, 'the new keys cannot be used; the old ones stay')
    }
  }
}

async function read(file: string, { signs = false }: KeyFileOptions): Promise<Keys> {
  const keys = await readKeys(file)
  if (signs && !keys.signing) throw new KeyError(`${file} has no key with a private half to sign with`)
  return keys
}
