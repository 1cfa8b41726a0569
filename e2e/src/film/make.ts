// Makes the Gazette's film and its poster, once: Chromium draws the frames, ffmpeg codes them. The project ships what comes
// out, and needs neither this file nor ffmpeg to run: `node --conditions=farthing-source e2e/src/film/make.ts`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../harness/browser.ts';
import { sound } from './sound.ts';

const SECONDS = 36;
const FRAMES_A_SECOND = 24;
const out = join(import.meta.dirname, '..', 'site', 'film');
const folder = mkdtempSync(join(tmpdir(), 'farthing-film-'));
const wave = join(folder, 'sound.raw');
writeFileSync(wave, sound(SECONDS));

const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage();
await page.setContent('<canvas width="640" height="360"></canvas>');
const code = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, 'draw.ts'), 'utf8'));
await page.addScriptTag({ content: `${code}\nglobalThis.draw = draw;`, type: 'module' });
const frame = async (second: number): Promise<Buffer> => {
  const url = await page.evaluate((at) => {
    const canvas = document.querySelector('canvas');
    const { draw } = globalThis as unknown as { draw(canvas: HTMLCanvasElement | null, second: number): void };
    draw(canvas, at);
    return canvas?.toDataURL('image/jpeg', 0.97) ?? '';
  }, second);
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
};

// A key frame opens each second, and the muxer opens a cluster at each key frame: what the site sells is one cluster.
const input = ['-f', 'image2pipe', '-framerate', String(FRAMES_A_SECOND), '-c:v', 'mjpeg', '-i', '-'];
const voice = ['-f', 's16le', '-ar', '48000', '-ac', '1', '-i', wave];
const vp9 = ['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', '36', '-g', String(FRAMES_A_SECOND), '-pix_fmt', 'yuv420p'];
const rest = ['-lag-in-frames', '0', '-auto-alt-ref', '0', '-c:a', 'libopus', '-b:a', '32k'];
const file = join(out, 'skerry-point.webm');
const tags = ['-metadata', 'title=Skerry Point', '-fflags', '+bitexact', '-shortest', '-y', file];
const coder = spawn('ffmpeg', ['-loglevel', 'error', ...input, ...voice, ...vp9, ...rest, ...tags], {
  stdio: ['pipe', 'inherit', 'inherit'],
});
for (let n = 0; n < SECONDS * FRAMES_A_SECOND; n++) {
  if (!coder.stdin.write(await frame(n / FRAMES_A_SECOND))) await once(coder.stdin, 'drain');
}
coder.stdin.end();
await once(coder, 'close');

writeFileSync(join(folder, 'poster.jpg'), await frame(15.2));
spawnSync('ffmpeg', [
  '-loglevel',
  'error',
  '-i',
  join(folder, 'poster.jpg'),
  '-q:v',
  '4',
  '-y',
  join(out, 'poster.jpg'),
]);
await browser.close();
rmSync(folder, { recursive: true });
