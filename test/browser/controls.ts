// What axe does not measure: that one sees where a control is, and which one has the focus (WCAG 1.4.11 and 2.4.13).

import type { Page } from 'playwright-core'

/**
 * The controls of a page whose edge, or whose ring when the keyboard is on them, has a contrast below 3 with what lies
 * around. Left out: what is its text alone, as links are, what cannot be pressed, and boxes that the browser draws.
 */
export async function faintControls(page: Page): Promise<string[]> {
  // What is focused from here on is so by the keyboard.
  await page.keyboard.press('Tab')
  return page.evaluate<string[]>(`(() => {
    const faint = new Set()
    const seen = new Set()
    const numbers = (colour) => {
      const all = colour.match(/-?[\\d.]+/g).map(Number)
      const scale = colour.startsWith('color(') ? 255 : 1
      return [...all.slice(0, 3).map((each) => each * scale), all[3] ?? 1]
    }
    const over = ([r, g, b, a], ground) => [r, g, b].map((each, i) => each * a + ground[i] * (1 - a))
    const ground = (element) => element
      ? over(numbers(getComputedStyle(element).backgroundColor), ground(element.parentElement))
      : [255, 255, 255]
    const light = (colour) => {
      const [r, g, b] = colour.map((each) => each / 255)
        .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const contrast = (one, other) => {
      const [more, less] = [light(one), light(other)].sort((a, b) => b - a)
      return (more + 0.05) / (less + 0.05)
    }
    const report = (element, what, value) => {
      if (value < 3) faint.add(what + ' ' + value.toFixed(2) + ': ' + element.outerHTML.slice(0, 120))
    }
    for (const element of document.querySelectorAll('a[href], button, .button, input, select, textarea, summary, [tabindex="0"]')) {
      if (!element.checkVisibility({ visibilityProperty: true }) || element.disabled || element.matches('.off')) continue
      const kind = [element.tagName, element.type, element.className, element.getAttribute('aria-pressed'),
        element.getAttribute('aria-current'), element.parentElement.className, element.closest('section, dialog, nav, header')?.className]
      if (seen.has(kind.join())) continue
      seen.add(kind.join())
      const around = ground(element.parentElement)
      const own = ground(element)
      if (element.matches('button, .button, input:not([type=checkbox], [type=radio]), select, textarea')) {
        const { borderTopWidth, borderTopStyle, borderTopColor, boxShadow } = getComputedStyle(element)
        const ring = /^((?:rgb|color)[^)]*\\)) 0px 0px 0px [1-9]/.exec(boxShadow)
        const edges = [
          ...(borderTopStyle !== 'none' && parseFloat(borderTopWidth) > 0 ? [over(numbers(borderTopColor), around)] : []),
          ...(ring ? [over(numbers(ring[1]), around)] : []),
          own,
        ].map((edge) => contrast(edge, around))
        if (edges.some((each) => each > 1)) report(element, 'edge', Math.max(...edges))
      }
      element.focus({ preventScroll: true })
      if (document.activeElement !== element) continue
      const { outlineStyle, outlineWidth, outlineColor, outlineOffset } = getComputedStyle(element)
      const hasRing = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
      const beside = parseFloat(outlineOffset) < 0 ? own : around
      report(element, 'ring', hasRing ? contrast(over(numbers(outlineColor), beside), beside) : 0)
    }
    document.activeElement.blur()
    return [...faint]
  })()`)
}
