/**
 * A progress bar for work on many entries: on stderr, and only where a person watches.
 */
import { Presets, SingleBar } from 'cli-progress'
import type { Progress } from '../failure/failed.js'

/** Runs work that tells how far it is; a bar shows it. */
export async function withProgress<T>(label: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work(() => {})
  const bar = new SingleBar(
    {
      format: `${label}  {bar}  {percentage}%  {value} of {total}  {eta_formatted} left`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
      etaBuffer: 50,
    },
    Presets.rect,
  )
  let isShown = false
  try {
    return await work((done, total) => {
      if (!isShown) bar.start(total, 0)
      isShown = true
      bar.setTotal(total)
      bar.update(done)
    })
  } finally {
    if (isShown) bar.stop()
  }
}
