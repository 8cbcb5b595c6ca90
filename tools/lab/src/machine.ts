/** The machine that a run was made on, as far as it bears on the figures. */
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import type { Machine } from './run.ts'
import { ROOT } from './stack.ts'

export function machine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() || os.arch(),
    cores: os.availableParallelism(),
    memory: os.totalmem(),
    system: `${os.type()} ${os.release()} ${os.arch()}`,
    node: process.version,
    commit: commit(),
  }
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-dirty'
    return `${git('rev-parse', '--short=10', 'HEAD')}${dirty}`
  } catch {
    // A tree without its history, as from an archive.
    return 'unknown'
  }
}
