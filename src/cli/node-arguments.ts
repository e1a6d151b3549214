/**
 * How this command starts Node for another process of itself: as it was started, with room for a long process title
 * (see bin/resque).
 */
export function nodeArguments(): string[] {
  const own = process.execArgv
  return own.some((each) => each.startsWith('--title')) ? own : [`--title=${' '.repeat(200)}`, ...own]
}
