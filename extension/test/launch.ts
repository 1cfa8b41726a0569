// Starts a real Chromium with the built test extension in it, for tests, pictures and the demo.
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BrowserContext, chromium, type Page, type Worker } from 'playwright-core';

export const EXTENSION_ID = 'oigeaankknofepkkhglmjmdgpechflgb';
export const extensionUrl = (page: string) => `chrome-extension://${EXTENSION_ID}/${page}`;

export type LaunchOptions = {
  /** What the extension reads as `config.json`. */
  readonly config?: { broker?: string; demoArticle?: string; surface?: 'popup' | 'window' };
  readonly executablePath?: string;
  /** Show a window. */
  readonly headed?: boolean;
  /** Browser language, such as `ar`. */
  readonly lang?: string;
};

export type Launched = {
  readonly context: BrowserContext;
  readonly worker: Worker;
  /** The tab that the extension opens when it is installed. */
  readonly welcome: Page;
  close(): Promise<void>;
};

const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
];

export async function launch(options: LaunchOptions = {}): Promise<Launched> {
  const { config = {}, executablePath = '/usr/bin/chromium', headed = false, lang } = options;
  const folder = await mkdtemp(join(tmpdir(), 'farthing-chromium-'));
  const extension = join(folder, 'extension');
  await cp(fileURLToPath(new URL('../dist/test', import.meta.url)), extension, { recursive: true });
  // Windows are pages that a test can click; the toolbar's popup is not.
  await writeFile(join(extension, 'config.json'), JSON.stringify({ surface: 'window', ...config }));
  const context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath,
    headless: false,
    viewport: { width: 1280, height: 800 },
    args: [
      ...(headed ? [] : ['--headless=new']),
      ...FLAGS,
      ...(lang === undefined ? [] : [`--lang=${lang}`]),
      `--disable-extensions-except=${extension}`,
      `--load-extension=${extension}`,
    ],
  });
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  const isWelcome = (page: Page) => page.url() === extensionUrl('welcome.html');
  const welcome =
    context.pages().find(isWelcome) ??
    (await context.waitForEvent('page', {
      predicate: async (page) => {
        await page.waitForURL(/welcome/).catch(() => undefined);
        return isWelcome(page);
      },
    }));
  return {
    context,
    worker,
    welcome,
    close: async () => {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
