const problems = <T>(table: T): T => table

export const listed = problems({
  documented: [404, 'It is listed'],
})
