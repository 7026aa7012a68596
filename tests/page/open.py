"""Opens pages that `hitherto report` made in headless Chromium, in both themes, wide and as narrow as a phone.

Asked of each: nothing on the console, nothing asked of the network, no text wider than the screen; every picture has a
title, a description and a table; every heading, table and region is named; the skip link and all tables can be reached by
keyboard; text stands out against what is behind it by 4.5 to 1. Screenshots lie in SHOTS, to be looked at.

    open.py SHOTS PAGE.html...
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZES = {"wide": (1280, 900), "phone": (360, 740)}

# Each gives a list of what is wrong.
CHECKS = {
    "pictures without text": """() => [...document.querySelectorAll('svg')].filter(svg => {
        const named = (svg.getAttribute('aria-labelledby') || '').split(' ').map(id => document.getElementById(id));
        return svg.getAttribute('role') !== 'img' || named.length !== 2 || named.some(of => !of || !of.textContent.trim());
    }).map(svg => svg.outerHTML.slice(0, 200))""",
    "figures without caption or table": """() => [...document.querySelectorAll('figure')].filter(figure =>
        !figure.querySelector('figcaption')?.textContent.trim() || !figure.parentElement.querySelector('details table tbody tr')
    ).map(figure => figure.textContent.slice(0, 80))""",
    "tables without caption or heads": """() => [...document.querySelectorAll('table')].filter(table =>
        !(table.caption || table.closest('[aria-labelledby]')) || !table.querySelector('th[scope=col]')
    ).map(table => table.outerHTML.slice(0, 120))""",
    "ids that are there twice": """() => { const seen = new Set(); return [...document.querySelectorAll('[id]')]
        .map(of => of.id).filter(id => seen.has(id) || !seen.add(id)) }""",
    "headings out of order": """() => { let before = 0; return [...document.querySelectorAll('h1,h2,h3')].filter(of => {
        const level = Number(of.tagName[1]), wrong = level > before + 1; before = level; return wrong; }).map(of => of.textContent) }""",
    "wider than the screen": """() => document.documentElement.scrollWidth > innerWidth ? [String(document.documentElement.scrollWidth)] : []""",
    "text outside of its picture": """() => [...document.querySelectorAll('svg text')].filter(text => {
        const own = text.getBoundingClientRect(), svg = text.ownerSVGElement.getBoundingClientRect();
        return own.left < svg.left - 1 || own.right > svg.right + 1 || own.top < svg.top - 1 || own.bottom > svg.bottom + 1;
    }).map(text => text.textContent)""",
    "text too faint": """() => {
        const parse = color => color.match(/[0-9.]+/g).map(Number);
        const light = color => { const [r, g, b] = parse(color).map(of => { const c = of / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const behind = of => { for (; of; of = of.parentElement) { const color = getComputedStyle(of).backgroundColor; if (parse(color)[3] !== 0) return color; } return 'rgb(255,255,255)'; };
        const texts = [...document.querySelectorAll('h1,h2,p,dt,dd,small,td,th,li,summary,caption,figcaption,code,svg text')];
        return texts.filter(of => of.textContent.trim() && !of.classList.contains('skip')).filter(of => {
            const style = getComputedStyle(of), color = of.tagName === 'text' ? style.fill : style.color;
            const [a, b] = [light(color), light(behind(of))].sort((x, y) => y - x);
            return (a + 0.05) / (b + 0.05) < 4.5;
        }).map(of => of.tagName + ' ' + of.textContent.slice(0, 40)); }""",
}


def by_keyboard(page):
    """What is wrong with going through the page by Tab and Enter."""
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("Tab")
    if page.evaluate("() => document.activeElement.className") != "skip":
        return ["the first stop is not the link to the figures"]
    wanted, opened = page.locator("details").count(), 0
    for _ in range(400):
        page.keyboard.press("Tab")
        tag = page.evaluate("() => document.activeElement.tagName")
        if tag == "SUMMARY":
            page.keyboard.press("Enter")
            opened += 1
        if tag == "BODY" or opened == wanted:
            break
    shown = page.evaluate("() => [...document.querySelectorAll('details')].filter(of => of.open).length")
    return [] if shown == wanted else [f"{shown} of {wanted} tables opened"]


def main():
    shots, *pages = sys.argv[1:]
    Path(shots).mkdir(parents=True, exist_ok=True)
    failures = passes = 0
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for at, html in enumerate(pages):
            for theme in ("light", "dark"):
                for size, (width, height) in SIZES.items():
                    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": height})
                    page, said = context.new_page(), []
                    page.on("console", lambda message: said.append(f"console: {message.text}"))
                    page.on("pageerror", lambda error: said.append(f"error: {error}"))
                    page.on("request", lambda of: said.append(f"asked for {of.url[:80]}") if of.url.split(":")[0] not in ("file", "data") else None)
                    page.goto(Path(html).resolve().as_uri())
                    page.screenshot(path=f"{shots}/{at}-{theme}-{size}.png", full_page=True)
                    wrong = [f"{what}: {found}" for what, check in CHECKS.items() for found in page.evaluate(check)]
                    wrong += said + by_keyboard(page)
                    wrong += [f"with tables open, {what}: {found}" for what in ("wider than the screen", "text too faint") for found in page.evaluate(CHECKS[what])]
                    for what in wrong:
                        print(f"FAILED  {html}, {theme}, {size}: {what}")
                    failures, passes = failures + bool(wrong), passes + (not wrong)
                    context.close()
        browser.close()
    print(f"{passes} passed, {failures} failed")
    return 1 if failures or not passes else 0


if __name__ == "__main__":
    sys.exit(main())
