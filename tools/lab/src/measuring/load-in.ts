/** A load in a Node process of its own: it is told what to do, and tells what it saw. */
import { type GeneratorOptions, withGenerator } from '../generators/generator.ts'
import { DriverError } from '../plan.ts'

/**
 * @param script takes one message, answers with one, and ends
 * @throws {DriverError} where it fails or ends without an answer
 */
export function loadIn<T>(script: string, told: object, options: Omit<GeneratorOptions, 'channel'>): Promise<T> {
  const command = { file: process.execPath, args: [script] }
  return withGenerator(command, { ...options, channel: true }, async ({ child, ended }) => {
    let load: T | undefined
    child.once('message', (answer: T) => {
      load = answer
    })
    // Where it cannot be started, `ended` says so better.
    child.send(told, () => {})
    await ended()
    if (load === undefined) throw new DriverError(`${options.name} ended without a result`)
    return load
  })
}
