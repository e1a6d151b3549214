/**
 * What the demo shows while it runs: on a terminal a few lines that are drawn again and again below the events;
 * elsewhere a line every second.
 */
import { type Output, plain } from '../output.js'

export interface Sight {
  /** Jobs that came to an end, and how many will. */
  processed: number
  expected: number
  failed: number
  recovered: number
  queues: { name: string; size: number }[]
  /** The worker processes, and what each slot works on; undefined: nothing. */
  workers: { pid: number; slots: (string | undefined)[] }[]
}

export class View {
  readonly #out: Output
  readonly #stream: NodeJS.WriteStream
  readonly #startedAt: number
  #drawn = 0
  #printedAt = 0
  #last: Sight | undefined

  constructor(out: Output, stream: NodeJS.WriteStream, startedAt = performance.now()) {
    this.#out = out
    this.#stream = stream
    this.#startedAt = startedAt
  }

  /** Something that stays on the screen. */
  event(text: string): void {
    this.#erase()
    this.#out.line(`${this.#out.style('dim', this.#time())}  ${plain(text)}`)
    if (this.#last && this.#stream.isTTY) this.#draw(this.#last)
  }

  show(sight: Sight): void {
    this.#last = sight
    if (this.#stream.isTTY) {
      this.#erase()
      this.#draw(sight)
      return
    }
    if (performance.now() - this.#printedAt < 1_000) return
    this.#printedAt = performance.now()
    const { processed, expected, failed, recovered, queues, workers } = sight
    const waiting = queues.reduce((sum, { size }) => sum + size, 0)
    const running = workers.reduce((sum, { slots }) => sum + slots.filter(Boolean).length, 0)
    this.#out.line(
      `${this.#time()}  processed ${processed} of ${expected}  waiting ${waiting}  running ${running}  failed ${failed}  recovered ${recovered}`,
    )
  }

  /** Takes the drawn lines away; what comes next stands where they stood. */
  end(): void {
    this.#erase()
    this.#last = undefined
  }

  /** No line may be wider than the terminal: it would take two, and leave one behind. */
  #draw({ processed, expected, failed, recovered, queues, workers }: Sight): void {
    const width = this.#stream.columns || 80
    const barWidth = Math.max(0, Math.min(40, width - 30))
    const filled = expected === 0 ? 0 : Math.min(barWidth, Math.round((processed / expected) * barWidth))
    const bar =
      this.#out.style('green', '█'.repeat(filled)) + this.#out.style('dim', '░'.repeat(barWidth - filled))
    const waiting = queues.map(({ name, size }) => `${name} ${size}`).join('  ')
    const lines = [
      '',
      `${bar}  ${cut(`${processed} of ${expected} processed`, width - barWidth - 2)}`,
      cut(`failed ${failed}   recovered ${recovered}   waiting  ${waiting}`, width),
      ...workers.map((worker) => this.#worker(worker, width)),
    ]
    this.#stream.write(`${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  #worker({ pid, slots }: Sight['workers'][number], width: number): string {
    const dots = slots.map((job) => (job === undefined ? '○' : '●')).join('')
    const head = `worker ${pid}  `
    const jobs = slots.filter((job) => job !== undefined).join(', ')
    const shown = cut(plain(jobs), width - head.length - dots.length - 2)
    return `${head}${this.#out.style('cyan', dots)}  ${this.#out.style('dim', shown)}`
  }

  #erase(): void {
    if (this.#drawn === 0) return
    this.#stream.moveCursor(0, -this.#drawn)
    this.#stream.cursorTo(0)
    this.#stream.clearScreenDown()
    this.#drawn = 0
  }

  #time(): string {
    return `${((performance.now() - this.#startedAt) / 1_000).toFixed(1)} s`.padStart(7)
  }
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text
}
