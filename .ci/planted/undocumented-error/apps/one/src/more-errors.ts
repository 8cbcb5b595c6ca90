const problems = <T>(table: T): T => table

export const unlisted = problems({
  undocumented: [409, 'Nobody wrote it down'],
})
