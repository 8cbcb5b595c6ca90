/** A load in a Node process of its own: it is told what to do, and tells what it saw. */
import { type GeneratorOptions, withGenerator } from '../generators/generator.ts'
import { DriverError } from '../plan.ts'
import type { Said } from './channel.ts'

/**
 * @param script answers once
 * @param onMeanwhile is given whatever it says before
 * @throws {DriverError} where it fails or ends without an answer
 */
export function loadIn<A, T = never>(
  script: string,
  told: object,
  options: Omit<GeneratorOptions, 'channel'>,
  onMeanwhile: (meanwhile: T) => void = () => {},
): Promise<A> {
  const command = { file: process.execPath, args: [script] }
  return withGenerator(command, { ...options, channel: true }, async ({ child, ended }) => {
    let load: A | undefined
    child.on('message', (said: Said<A, T>) => {
      if ('answer' in said) load = said.answer
      else onMeanwhile(said.meanwhile)
    })
    // Where it cannot be started, `ended` says so better.
    child.send(told, () => {})
    await ended()
    if (load === undefined) throw new DriverError(`${options.name} ended without a result`)
    return load
  })
}
