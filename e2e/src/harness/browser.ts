// A real Chromium with the real extension, in a profile of its own.
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Fixed by the key in the manifest of test builds. */
export const EXTENSION_ID = 'oigeaankknofepkkhglmjmdgpechflgb';
const build = join(import.meta.dirname, '..', '..', '..', 'extension', 'dist', 'test');

export type Visit = {
  readonly context: BrowserContext;
  readonly profile: string;
  /** Opens one of the extension's own pages in a tab. */
  open(page: string): Promise<Page>;
  close(): Promise<void>;
};

export type VisitOptions = {
  brokerUrl: string;
  demoUrl: string;
  headless?: boolean;
  locale?: string;
  colorScheme?: 'light' | 'dark';
  profile?: string;
};

export function chromiumPath(): string {
  const path = [process.env['FARTHING_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
    (candidate) => candidate && existsSync(candidate),
  );
  if (!path)
    throw new Error(
      'Chromium is missing: install it (Debian: apt-get install chromium), or set FARTHING_CHROMIUM to its path.',
    );
  return path;
}

export async function visit({
  brokerUrl,
  demoUrl,
  headless = true,
  locale = 'en-US',
  colorScheme = 'light',
  profile: kept,
}: VisitOptions): Promise<Visit> {
  const profile = kept ?? mkdtempSync(join(tmpdir(), 'farthing-profile-'));
  const extension = join(profile, 'farthing-extension');
  cpSync(build, extension, { recursive: true });
  writeFileSync(
    join(extension, 'config.json'),
    JSON.stringify({ broker: brokerUrl, demoArticle: demoUrl, surface: headless ? 'window' : 'popup' }),
  );
  const root = process.getuid?.() === 0;
  const context = await chromium.launchPersistentContext(join(profile, 'data'), {
    executablePath: chromiumPath(),
    headless,
    locale,
    colorScheme,
    viewport: headless ? { width: 1280, height: 800 } : null,
    // Both would hide what real visitors get: the repost prompt and the back/forward cache.
    ignoreDefaultArgs: [
      '--disable-prompt-on-repost',
      '--disable-back-forward-cache',
      '--disable-extensions',
      '--disable-component-extensions-with-background-pages',
    ],
    args: [
      `--disable-extensions-except=${extension}`,
      `--load-extension=${extension}`,
      `--lang=${locale}`,
      ...(root ? ['--no-sandbox'] : []),
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--no-first-run',
      '--disable-gpu',
    ],
  });
  if (context.serviceWorkers().length === 0) await context.waitForEvent('serviceworker', { timeout: 15_000 });
  return {
    context,
    profile,
    async open(page) {
      const tab = await context.newPage();
      await tab.goto(`chrome-extension://${EXTENSION_ID}/${page}`);
      return tab;
    },
    async close() {
      await context.close();
      if (kept === undefined) rmSync(profile, { recursive: true, force: true });
    },
  };
}
