/** Binds a process to one core, where the system can do that. */
import { accessSync, constants } from 'node:fs'
import path from 'node:path'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/** `command`, bound to `core` by taskset where there is one: then it is `pinned`. */
export function pin(
  command: Command,
  core: number | undefined,
  searched: string | undefined,
): Command & { pinned: boolean } {
  const taskset = tasksetOn(searched)
  if (core === undefined || !taskset) return { ...command, pinned: false }
  // taskset becomes the command, so that its process id is the command's.
  return { file: taskset, args: ['-c', String(core), command.file, ...command.args], pinned: true }
}

/** Whether `pin` binds to this core. */
export const isPinned = (core: number | undefined, searched: string | undefined) =>
  core !== undefined && tasksetOn(searched) !== undefined

const tasksetOn = (searched: string | undefined) =>
  process.platform === 'linux' ? findOnPath('taskset', searched) : undefined

/** The first executable file of this name in the folders of a `PATH`. */
export function findOnPath(name: string, searched = ''): string | undefined {
  return searched
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find(isExecutable)
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
