// A phone without any wallet: Chromium with a touch screen of 390 by 844, and an authenticator that answers by itself.
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core';
import { chromiumPath } from './browser.ts';

export type Phone = {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly authenticator: Authenticator;
  close(): Promise<void>;
};

export type PhoneLook = {
  readonly language?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
};

export async function pickUpPhone({
  language = 'en',
  colorScheme = 'light',
  width = 390,
}: PhoneLook = {}): Promise<Phone> {
  const root = process.getuid?.() === 0;
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [...(root ? ['--no-sandbox'] : []), '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
  const context = await browser.newContext({
    ...{ viewport: { width, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
    ...{ locale: language, colorScheme },
  });
  const page = await context.newPage();
  const authenticator = await Authenticator.in(page);
  return { context, page, authenticator, close: () => browser.close() };
}

type Credential = { readonly credentialId: string; readonly signCount: number };

/** A phone's own authenticator, whose owner always says yes, or never. */
export class Authenticator {
  readonly #cdp: CDPSession;
  readonly #id: string;

  private constructor(cdp: CDPSession, id: string) {
    this.#cdp = cdp;
    this.#id = id;
  }

  static async in(page: Page): Promise<Authenticator> {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
        ...{ isUserVerified: true, automaticPresenceSimulation: true },
      },
    });
    return new Authenticator(cdp, authenticatorId);
  }

  async credentials(): Promise<Credential[]> {
    const { credentials } = await this.#cdp.send('WebAuthn.getCredentials', { authenticatorId: this.#id });
    return credentials;
  }

  /** Does its owner's finger fit? */
  async setVerified(isUserVerified: boolean): Promise<void> {
    await this.#cdp.send('WebAuthn.setUserVerified', { authenticatorId: this.#id, isUserVerified });
  }

  /** As a phone that was lost, or wiped. */
  async forget(): Promise<void> {
    await this.#cdp.send('WebAuthn.clearCredentials', { authenticatorId: this.#id });
  }
}
