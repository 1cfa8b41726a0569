// What there is to say on the hosted wallet's page, in any language.

/** What the server writes into the page, and what its script says. `{…}` is filled in. */
export type Texts = {
  readonly dir: 'ltr' | 'rtl';
  readonly wallet: string;
  readonly payTitle: string;
  readonly test: string;
  readonly needsScript: string;
  readonly signIn: string;
  readonly signUp: string;
  readonly signUpText: string;
  readonly passwordInstead: string;
  readonly passwordText: string;
  readonly contact: string;
  readonly password: string;
  readonly sendCode: string;
  readonly codeSent: string;
  readonly code: string;
  readonly confirm: string;
  readonly inbox: string;
  readonly lost: string;
  readonly printedCode: string;
  readonly recover: string;
  readonly printedText: string;
  readonly print: string;
  readonly haveIt: string;
  readonly balance: string;
  readonly pay: string;
  readonly faucet: string;
  readonly past: string;
  readonly topUp: string;
  readonly voucher: string;
  readonly voucherCode: string;
  readonly redeem: string;
  readonly passkeys: string;
  readonly passkey: string;
  readonly remove: string;
  readonly add: string;
  readonly signOut: string;
  readonly back: string;
  readonly goingBack: string;
  readonly what: string;
  readonly whatText: string;
  readonly notCharged: string;
  readonly unknownSite: string;
  /** By problem code, in plain words; others are shown as the table of problems has them. */
  readonly problems: Readonly<Record<string, string>>;
  readonly codeIs: (code: string, broker: string) => string;
};
