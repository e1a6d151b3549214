/**
 * What commands print: tables and lines for people, JSON for programs. Nothing from Redis reaches a terminal with
 * control characters in it.
 */
import { styleText } from 'node:util'
import Table from 'cli-table3'
import { readEnvironment } from '../config.js'

export type Style = Parameters<typeof styleText>[0]

export interface Column<Row> {
  title: string
  /** What stands in the cell. */
  of(row: Row): string | number
  align?: 'right'
  /** May be cut where the terminal is too narrow. */
  isFlexible?: boolean
  style?(row: Row): Style | undefined
}

export class Output {
  /** Whether the caller asked for JSON. */
  readonly isJson: boolean
  readonly #stream: NodeJS.WriteStream
  readonly #hasColour: boolean

  constructor(isJson: boolean, stream: NodeJS.WriteStream = process.stdout) {
    this.isJson = isJson
    this.#stream = stream
    this.#hasColour = usesColour(stream)
  }

  line(text = ''): void {
    this.#stream.write(`${text}\n`)
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2))
  }

  /** The value for programs, or the line for people. */
  say(text: string, value: unknown): void {
    if (this.isJson) this.json(value)
    else this.line(text)
  }

  style(format: Style, text: string): string {
    return this.#hasColour ? styleText(format, text, { validateStream: false }) : text
  }

  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
    const cells = rows.map((row) => columns.map((column) => plain(String(column.of(row)))))
    const widths = this.#widths(columns, cells)
    const table = new Table({
      chars: borderless,
      style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
      colAligns: columns.map((column) => column.align ?? 'left'),
      ...(widths && { colWidths: widths }),
    })
    table.push(columns.map((column) => this.style('bold', column.title.toUpperCase())))
    rows.forEach((row, i) => {
      table.push(
        columns.map((column, j) => {
          const format = column.style?.(row)
          const text = cells[i]?.[j] ?? ''
          return format === undefined ? text : this.style(format, text)
        }),
      )
    })
    for (const line of table.toString().split('\n')) this.line(line.trimEnd())
  }

  /** The widths at which the table fits the terminal, or undefined where it needs no cutting. */
  #widths<Row>(columns: readonly Column<Row>[], cells: readonly string[][]): number[] | undefined {
    if (!this.#stream.isTTY) return undefined
    const widths = columns.map(({ title }, i) =>
      Math.max(title.length, ...cells.map((row) => widthOf(row[i] ?? ''))),
    )
    let excess = sum(widths) + GAP.length * (widths.length - 1) - this.#stream.columns
    if (excess <= 0) return undefined
    while (excess > 0) {
      const cuttable = columns.map((column, i) => (column.isFlexible ? (widths[i] ?? 0) : 0))
      const longest = cuttable.indexOf(Math.max(...cuttable))
      if ((cuttable[longest] ?? 0) <= MIN_WIDTH) break
      widths[longest] = (widths[longest] ?? 0) - 1
      excess--
    }
    return widths
  }
}

const GAP = '  '
const MIN_WIDTH = 8
const borderless = {
  ...{
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  },
  ...{
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: GAP,
  },
}

/** Whether colour may be written there: a terminal that has it, and a user who does not object. */
export function usesColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors() && !readEnvironment().noColor
}

/** One line without control characters, nor marks that turn the direction of writing: each shows as its code. */
export function plain(text: string): string {
  return text.replace(unsafe, (char) => {
    if (char === '\n') return '\\n'
    if (char === '\t') return ' '
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

function widthOf(text: string): number {
  let width = 0
  for (const char of text) width += isWide.test(char) ? 2 : 1
  return width
}

const isWide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

/** `1 job`, `2 jobs`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : `${noun}s`}`
}

/** `4 s`, `3 min`, `2 h`, `5 d`. */
export function ageOf(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`
  return `${Math.round(seconds / 86_400)} d`
}
