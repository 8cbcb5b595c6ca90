export { hasBody, intake, isDetached, makeLast } from './intake.ts'
export { type Target, target } from './target.ts'
