import { greeting } from '../../../packages/kit/src/index.ts'

process.stdout.write(greeting('over the wall'))
