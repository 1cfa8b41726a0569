// Draws icons/coin.svg at the sizes that browsers ask for, in colour and in grey for a paused wallet.
// Small sizes are cropped to the coin: the margin that stores want for 128 px would make 16 px unreadable.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = (path: string) => fileURLToPath(new URL(`../icons/${path}`, import.meta.url));
const svg = await readFile(here('coin.svg'), 'utf8');
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox'],
});
const page = await browser.newPage();
for (const size of [16, 32, 48, 128]) {
  for (const paused of size <= 32 ? [false, true] : [false]) {
    const view = size === 128 ? '0 0 128 128' : '14 14 100 100';
    const sized = svg.replace('viewBox="0 0 128 128"', `viewBox="${view}" width="${size}" height="${size}"`);
    await page.setViewportSize({ width: size, height: size });
    await page.setContent(
      `<style>*{margin:0}svg{display:block;${paused ? 'filter:grayscale(1) opacity(.65)' : ''}}</style>${sized}`,
    );
    await writeFile(here(`${paused ? 'paused-' : ''}${size}.png`), await page.screenshot({ omitBackground: true }));
  }
}
await browser.close();
