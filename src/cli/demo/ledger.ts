/**
 * What the demo's jobs note of themselves, in a file in their working folder: which of them began and ended, and when.
 * It knows nothing of Resque, so that it can bear witness to it; and it survives the death of a worker.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const NAME = 'resque-demo.ledger'

/** Makes the file. Without it, jobs note nothing: somebody uses them outside of a demo. */
export function openLedger(folder: string): LedgerReader {
  const path = join(folder, NAME)
  writeFileSync(path, '')
  return new LedgerReader(path)
}

const isOpen = existsSync(NAME)

/** Called by the jobs. A line is short enough to be written whole, also by several processes. */
export function note(what: 'start' | 'done', id: number): void {
  if (isOpen) appendFileSync(NAME, `${what} ${id} ${now()}\n`)
}

/** Whether a job was never tried before in this demo. Outside of a demo it was. */
export function isFirstTry(id: number): boolean {
  if (!isOpen) return false
  try {
    writeFileSync(`resque-demo.tried-${id}`, '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

/** Milliseconds since 1970, with fractions: the same in all processes of a machine. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}

export class LedgerReader {
  readonly #path: string
  #length = 0
  /** When each job began for the first time. */
  readonly startedAt = new Map<number, number>()
  /** When each job first came to a good end. */
  readonly doneAt = new Map<number, number>()
  /** How often a job began. */
  startCount = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Reads what was noted since. */
  update(): void {
    const text = readFileSync(this.#path, 'utf8')
    const end = text.lastIndexOf('\n') + 1
    for (const line of text.slice(this.#length, end).split('\n')) this.#read(line)
    this.#length = end
  }

  #read(line: string): void {
    const [what, idText, atText] = line.split(' ')
    if (atText === undefined) return
    const id = Number(idText)
    const times = what === 'start' ? this.startedAt : this.doneAt
    if (what === 'start') this.startCount++
    if (!times.has(id)) times.set(id, Number(atText))
  }
}
