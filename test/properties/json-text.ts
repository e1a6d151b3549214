// Generated text: JSON as any program might spell it, and what is almost JSON, or not at all.

import fc from 'fast-check'

/** Bounds a property: so many cases, or as many as the machine makes in this time. */
export function bounded(numRuns: number, seconds = 12): fc.Parameters<unknown> {
  return { numRuns, interruptAfterTimeLimit: seconds * 1_000, markInterruptAsFailure: false }
}

const space = fc.constantFrom('', '', '', '', ' ', '\n', '\t', '\r\n', '   ')

const number = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }).map(String),
  fc.constantFrom(
    '0',
    '-0',
    '1.0',
    '-0.0',
    '1e5',
    '1E+05',
    '-1.50e-07',
    '0.1',
    '10',
    '3.14159265358979323846',
    '1e400',
  ),
)

const short = new Map<string, string>([
  ...([
    ['"', '\\"'],
    ['\\', '\\\\'],
    ['/', '\\/'],
    ['\b', '\\b'],
    ['\f', '\\f'],
  ] as const),
  ...([
    ['\n', '\\n'],
    ['\r', '\\r'],
    ['\t', '\\t'],
  ] as const),
])

/** One character of a string: raw where it may be, as a short escape where there is one, or as \uXXXX. */
function spell(character: string, style: 'raw' | 'short' | 'hex' | 'HEX'): string {
  const isSafe = character >= ' ' && character !== '"' && character !== '\\'
  if (style === 'raw' && isSafe) return character
  const escaped = short.get(character)
  if (escaped !== undefined && style !== 'hex' && style !== 'HEX') return escaped
  if (style === 'short' && isSafe) return character
  const units = character.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return style === 'HEX' ? units.map((each) => `\\u${each.slice(2).toUpperCase()}`).join('') : units.join('')
}

const character = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"', '\\', '/', '\n', '\u0000', '\u007f', '\u2028', 'é', '😀', '{', '}', ':'),
  },
)
const style = fc.constantFrom('raw', 'raw', 'raw', 'short', 'hex', 'HEX')

/** A JSON string, quotes included. */
const string = fc
  .array(fc.tuple(character, style), { maxLength: 12 })
  .map((parts) => `"${parts.map(([each, how]) => spell(each, how as 'raw')).join('')}"`)

const key = fc.oneof(
  string,
  fc.constantFrom('"class"', '"args"', '"a"', '"a"', '"__proto__"', '"1"', '"payload"', '"raw"', '"run"'),
)

const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(number, string, fc.constantFrom('true', 'false', 'null')),
    tie('array'),
    tie('object'),
  ),
  array: spaced(fc.array(tie('value'), { maxLength: 4 }), '[', ']'),
  object: spaced(
    fc.array(
      fc.tuple(key, space, tie('value')).map(([k, s, v]) => `${k}${s}:${s}${v}`),
      { maxLength: 4 },
    ),
    '{',
    '}',
  ),
}))

function spaced(items: fc.Arbitrary<string[]>, open: string, close: string): fc.Arbitrary<string> {
  return fc.tuple(items, space).map(([all, gap]) => `${open}${gap}${all.join(`${gap},${gap}`)}${gap}${close}`)
}

/** A value wrapped in many levels. */
const deep = fc
  .array(fc.constantFrom(['[', ']'], ['{"k":', '}'], ['[1,', ']'], ['[', ',{}]']), {
    minLength: 20,
    maxLength: 85,
  })
  .map(
    (levels) =>
      levels.map(([open]) => open).join('') +
      'null' +
      levels
        .map(([, close]) => close)
        .reverse()
        .join(''),
  )

/** The text of a JSON object, up to 90 levels deep, keys in any order and number, in any spelling. */
export const objectText: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.tuple(key, fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: deep })), {
      maxLength: 5,
    }),
    space,
  )
  .map(
    ([members, gap]) =>
      `${gap}{${gap}${members.map(([k, v]) => `${k}${gap}:${gap}${v}`).join(`${gap},${gap}`)}${gap}}${gap}`,
  )

/** The text of a job that every worker can perform, with members of others beside class and args. */
export function jobText(name: string): fc.Arbitrary<string> {
  const others = fc.array(fc.tuple(fc.constantFrom('"queue"', '"id"', '"x"'), value), { maxLength: 2 })
  const args = fc.array(fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: deep }), {
    maxLength: 4,
  })
  return fc.tuple(others, args, space, fc.boolean()).map(([extra, list, gap, isClassFirst]) => {
    const own = [`"class"${gap}:"${name}"`, `"args":${gap}[${list.join(`${gap},`)}]`]
    const members = [...(isClassFirst ? own : own.reverse()), ...extra.map(([k, v]) => `${k}:${v}`)]
    return `${gap}{${members.join(`,${gap}`)}${gap}}`
  })
}

/** Spellings of a number that some parsers take and JSON does not, among some that are JSON. */
export const oddNumber = fc.constantFrom(
  ...[
    '0',
    '1',
    '10',
    '-1',
    '1.5',
    '1e5',
    '0.0',
    '01',
    '007',
    '-01',
    '00',
    '1.',
    '1.e5',
    '.5',
    '-.5',
    '+1',
    '1.5.5',
  ],
  ...[
    '0x10',
    '1e',
    '1e+',
    'NaN',
    '-NaN',
    'nan',
    'Infinity',
    '-Infinity',
    'inf',
    '1f',
    '1_0',
    '٣',
    '- 1',
    '-',
    '1,',
    '1e400',
  ],
)

/** Spellings of a string of the same length or shape, some of them JSON. */
export const oddString = fc.constantFrom(
  ...[
    '"abc"',
    '"a\\n"',
    '"a\n"',
    '"a\u0000"',
    '"a\u001f"',
    '"a\u007f"',
    '"é"',
    '"\\ud83d"',
    '"\\udc00"',
    '"\\ud83d\\ude00"',
  ],
  ...[
    '"\\u0041"',
    '"\\u001"',
    '"\\u0014"',
    '"\\ud83d\\ude1"',
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    "'abc'",
    '"abc',
    'abc"',
    '"a"b"',
    '"a\\"',
    '""',
    '"\\\\"',
    '"\t"',
    'abc',
    '"a\\\n"',
  ],
)

/** Bytes that are no UTF-8, or not quite. */
export const oddBytes = fc.constantFrom(
  ...[
    'ff',
    'c3',
    'c328',
    'e28228',
    'eda080',
    'edb080',
    'f0288cbc',
    'f4908080',
    'c080',
    'e08080',
    'f0808080',
    'fe',
    '80',
  ],
  ...['c3a9', 'e282ac', 'f09f9880', 'efbfbf', 'ed9fbf', 'ee8080', 'f48fbfbf', 'efbbbf'],
)
