/**
 * How many workers take from each queue, told from the lists in their ids. These come from Redis, where anybody may have
 * put them, so they never become regular expressions: what a pattern costs grows with its length and the name's alone.
 */

/** For each queue, how many of so many workers take from it. */
export function countServing(
  lists: readonly { queues: readonly string[]; count: number }[],
  names: readonly string[],
): number[] {
  const places = new Map(names.map((name, i) => [name, i]))
  // A pattern stands in many lists, and is tried once.
  const known = new Map<string, readonly number[]>()
  const placesOf = (pattern: string): readonly number[] => {
    let found = known.get(pattern)
    if (!found) {
      const place = places.get(pattern)
      found = isPlain(pattern)
        ? place === undefined
          ? []
          : [place]
        : [...names.keys()].filter((i) => matches(pattern, names[i] as string))
      known.set(pattern, found)
    }
    return found
  }
  const counts = names.map(() => 0)
  const countedIn = names.map(() => -1)
  for (const [number, { queues, count }] of lists.entries())
    for (const pattern of queues)
      for (const place of placesOf(pattern)) {
        if (countedIn[place] === number) continue
        countedIn[place] = number
        counts[place] = (counts[place] as number) + count
      }
  return counts
}

function isPlain(pattern: string): boolean {
  return pattern !== '…' && !/[*?{}[\]]/.test(pattern)
}

function matches(pattern: string, name: string): boolean {
  // The rest of a list that an id has no room for.
  if (pattern === '…') return true
  // Choices in braces, rare: said to match, so that nobody is told that nobody listens.
  if (/[{}[\]]/.test(pattern)) return true
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
