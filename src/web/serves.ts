/**
 * Whether a worker takes from a queue, told from the list in its id. The list comes from Redis, where anybody may
 * have put it, so it never becomes a regular expression: the time this takes grows with both lengths alone.
 */
export function serves(list: readonly string[], queue: string): boolean {
  return list.some((pattern) => matches(pattern, queue))
}

function matches(pattern: string, name: string): boolean {
  // The rest of a list that an id has no room for.
  if (pattern === '…') return true
  // Choices in braces, rare: said to match, so that nobody is told that nobody listens.
  if (/[{}[\]]/.test(pattern)) return true
  if (!/[*?]/.test(pattern)) return pattern === name
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  let [p, n] = [0, 0]
  let [star, from] = [-1, 0]
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p++
      from = n
    } else if (pattern[p] === '?' || pattern[p] === name[n]) {
      p++
      n++
    } else if (star >= 0) {
      p = star + 1
      n = ++from
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
