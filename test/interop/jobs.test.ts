// Jobs that one side enqueues and the other performs: the text in the queue, and what perform is given.

import { expect } from 'vitest'
import { beside } from './support/beside.js'

/** What Ruby enqueues: the arguments as Ruby code, and as JSON text. */
const fromRuby: [what: string, ruby: string, json: string][] = [
  ['plain arguments', `44, 'masterbrew', true, nil`, '[44,"masterbrew",true,null]'],
  ['no arguments', '', '[]'],
  [
    'text in any script',
    `'žluť 日本 😀', "\\u2028\\u007f</script>", "\\t\\"\\\\\\e"`,
    '["žluť 日本 😀","\u2028\u007f</script>","\\t\\"\\\\\\u001b"]',
  ],
  [
    'nested arrays and objects',
    `[[1, [2, { 'k' => [3] }]], { 'a' => { 'b' => [nil] } }]`,
    '[[[1,[2,{"k":[3]}]],{"a":{"b":[null]}}]]',
  ],
  ['empty arrays and objects', `[], {}, [[]], { 'a' => {}, 'b' => [] }`, '[[],{},[[]],{"a":{},"b":[]}]'],
  [
    'integers beyond 2^53',
    '2**53 + 1, 2**64, -(3**60)',
    '[9007199254740993,18446744073709551616,-42391158275216203514294433201]',
  ],
  ['floats', '1.0, 100.0, -0.0, 0.1, 1e20, 1e-7', '[1.0,100.0,-0.0,0.1,100000000000000000000.0,1.0e-07]'],
  ['keys that look like numbers', `{ 'b' => 1, '3' => 2, 'a' => 3 }`, '[{"b":1,"3":2,"a":3}]'],
  ['keyword arguments', `1, name: 'Al', deep: { x: [] }`, '[1,{"name":"Al","deep":{"x":[]}}]'],
  ['a megabyte', `'ž' * 500_000`, `["${'ž'.repeat(500_000)}"]`],
]

/** What we enqueue: the arguments, and how Ruby prints those its job is given. */
const fromOurs: [what: string, args: unknown[], inspect?: string][] = [
  ['plain arguments', [44, 'masterbrew', true, null], '[44, "masterbrew", true, nil]'],
  ['no arguments', [], '[]'],
  [
    'text in any script',
    ['žluť 日本 😀', '\u2028\u007f</script>', '\t"\\\u001b'],
    '["žluť 日本 😀", "\\u2028\\u007F</script>", "\\t\\"\\\\\\e"]',
  ],
  [
    'nested arrays and objects',
    [[[1, [2, { k: [3] }]], { a: { b: [null] } }]],
    '[[[1, [2, {"k"=>[3]}]], {"a"=>{"b"=>[nil]}}]]',
  ],
  ['empty arrays and objects', [[], {}, [[]], { a: {}, b: [] }], '[[], {}, [[]], {"a"=>{}, "b"=>[]}]'],
  [
    'integers beyond 2^53 that JavaScript holds',
    [2 ** 53, -(2 ** 60)],
    '[9007199254740992, -1152921504606847000]',
  ],
  ['fractions', [0.1, -2.5, 1.25], '[0.1, -2.5, 1.25]'],
  [
    'an object as the last argument',
    [1, { name: 'Al', deep: { x: [] } }],
    '[1, {"name"=>"Al", "deep"=>{"x"=>[]}}]',
  ],
  ['a megabyte', ['ž'.repeat(500_000)]],
]

/** Payloads that nobody writes on purpose: the text after the class, and what perform is given. */
const odd: [what: string, members: string, args: unknown[]][] = [
  ['without args', '', []],
  ['with args null', ',"args":null', []],
  ['with a text for args', ',"args":"one"', ['one']],
  ['with a number for args', ',"args":5', [5]],
  ['with an object for args', ',"args":{"k":1}', [['k', 1]]],
  ['with further keys', ',"args":[1],"queue":"other","extra":{"a":1.0}', [1]],
]

beside('Jobs', (side, claim) => {
  // One run of a worker for all kinds of arguments; each claim then looks at its own.
  const byOurs = once(async () => {
    for (const [, ruby] of fromRuby) await side.ruby.run(`Resque.enqueue(Echo${ruby && `, ${ruby}`})`)
    const written = await side.texts('echo')
    await side.work(['echo'])
    return { written, seen: await side.seen(), failed: await side.resque.failed.count() }
  })
  for (const [i, [what, , json]] of fromRuby.entries()) {
    claim(
      'Ruby → ours',
      `${what}: kept byte for byte as Ruby wrote them, in the queue and at work, and performed`,
      async () => {
        const { written, seen, failed } = await byOurs()
        const text = written[i] ?? ''
        // Which digits a float has is the choice of Ruby's JSON library; that we leave them alone is ours.
        if (what === 'floats') expect(text).toMatch(/^\{"class":"Echo","args":\[1\.0,100\.0,-0\.0,0\.1,1/)
        else expect(text).toBe(`{"class":"Echo","args":${json}}`)
        expect(seen[i]?.args).toEqual(JSON.parse(JSON.stringify(JSON.parse(json))))
        expect(seen[i]?.payload === text, 'the payload is the text').toBe(true)
        expect(seen[i]?.record?.includes(`"payload":${text},`), 'the working record holds the text').toBe(
          true,
        )
        expect(failed).toBe(0)
      },
    )
  }

  const byRuby = once(async () => {
    for (const [, args] of fromOurs) await side.resque.enqueueTo('echo', 'Echo', ...args)
    const written = await side.texts('echo')
    const asRuby = await side.ruby.run<string[]>(
      'arg.map { |text| Resque.encode(Resque.decode(text)) }',
      written,
    )
    await side.ruby.work('echo')
    return { written, asRuby, seen: await side.seen() }
  })
  for (const [i, [what, args, inspect]] of fromOurs.entries()) {
    claim('ours → Ruby', `${what}: written byte for byte as Ruby would, and performed`, async () => {
      const { written, asRuby, seen } = await byRuby()
      expect(written[i] === asRuby[i], 'Ruby writes the same').toBe(true)
      expect(seen[i]?.by).toBe('ruby')
      if (inspect !== undefined) expect(seen[i]?.inspect).toBe(inspect)
      expect(seen[i]?.args).toEqual(args)
    })
  }

  claim('ours → Ruby', 'a thousand jobs enqueued at once keep their order', async () => {
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => side.resque.enqueueTo('echo', 'Echo', i)))
    const order = await side.ruby.run<number[]>(`Resque.peek('echo', 0, 1000).map { |job| job['args'][0] }`)
    expect(order).toEqual(Array.from({ length: 1_000 }, (_, i) => i))
  })

  claim('both', 'odd but legal payloads are performed with the same arguments', async () => {
    for (const by of ['ruby', 'ours'] as const) {
      for (const [, members] of odd) await side.put('echo', `{"class":"Echo"${members}}`)
      await (by === 'ruby' ? side.ruby.work('echo') : side.work(['echo']))
      const seen = (await side.seen()).filter((each) => each.by === by)
      expect(seen.map(({ args }) => args)).toEqual(odd.map(([, , args]) => args))
    }
    expect(await side.resque.failed.count()).toBe(0)
  })

  claim('Ruby → ours', 'a payload above maxPayloadBytes goes to failed, whole', async () => {
    await side.ruby.run(`Resque.enqueue(Echo, 'x' * 1_100_000)`)
    const [written] = await side.texts('echo')
    await side.work(['echo'])
    const [failure] = await side.resque.failed.all()
    expect(failure).toMatchObject({ class: 'Echo', exception: 'PayloadTooLargeError', payload: written })
  })

  claim('both', 'workers on both sides share one queue, and every job is done once', async () => {
    await side.startWorker(['echo'], { concurrency: 2 })
    await side.startRubyWorker('echo')
    const half = Array.from({ length: 30 }, (_, i) => i)
    await side.ruby.run('arg.each { |i| Resque.enqueue(Echo, "ruby", i) }', half)
    await Promise.all(half.map((i) => side.resque.enqueueTo('echo', 'Echo', 'ours', i)))
    const seen = await side.untilSeen(60)
    expect(new Set(seen.map(({ args }) => args.join())).size).toBe(60)
    expect(await side.resque.size('echo')).toBe(0)
    expect(seen.length).toBe(60)
  })
})

/** Does the work at the first call; every call resolves to its result. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work()
    return result
  }
}
