// The words of the hosted wallet's page, in the languages that wallets and sites speak too, chosen by Accept-Language.
import { ar, es } from './texts-more.ts';
import type { Texts } from './words.ts';

const en: Texts = {
  dir: 'ltr',
  wallet: 'Your wallet',
  payTitle: 'Pay for a page',
  test: 'Test mode: this is play money. Nothing here costs real money.',
  needsScript: 'This page needs JavaScript. A wallet in your browser pays without it.',
  signIn: 'Use my passkey',
  signUp: 'New here: make a wallet',
  signUpText: 'Your phone or computer makes a passkey. No name, no e-mail address.',
  passwordInstead: 'No passkey? Password and code',
  passwordText: 'For smaller sums. A code is sent to you each time you sign in.',
  contact: 'Where codes go: e-mail address or phone number',
  password: 'Password',
  sendCode: 'Send me a code',
  codeSent: 'If the password is right, a code is on its way.',
  code: 'The six digits',
  confirm: 'Sign in',
  inbox: 'Test inbox',
  lost: 'Lost all passkeys?',
  printedCode: 'Printed code',
  recover: 'Make a new passkey',
  printedText:
    'Print or write this down. It is the only way in when your passkeys are lost, and it is not shown again.',
  print: 'Print',
  haveIt: 'I have it',
  balance: 'Balance',
  pay: 'Pay {price}',
  faucet: 'Get {price} of play money',
  past: 'Last movements',
  topUp: 'Top-up',
  voucher: 'Top up with a voucher',
  voucherCode: 'Voucher code',
  redeem: 'Top up',
  passkeys: 'Passkeys',
  passkey: 'Passkey of {date}',
  remove: 'Remove',
  add: 'Add a passkey',
  signOut: 'Sign out',
  back: 'Back to the site, without paying',
  goingBack: 'Paid by you. Going back to the site …',
  what: 'Who keeps the money?',
  whatText:
    '{broker} keeps this wallet and its keys for you, as a bank does, and sees the sites and sums that you pay. It does not see which page: that part of the address stays in your browser. The site does not learn who you are. A wallet of your own keeps its keys itself.',
  notCharged: 'You were not charged.',
  unknownSite: '{broker} does not know this site.',
  problems: {
    'level-too-low': 'This needs a stronger key: a passkey instead of a password, or a wallet of your own.',
    'limit-reached': 'That is more than you may pay today.',
    'balance-short': 'There is not enough money in this wallet. Top it up first.',
    'sign-in-wrong': 'That did not open the wallet. Please try again.',
    'sign-in-needed': 'Please sign in again.',
    'sign-in-wait': 'Too many wrong tries. Please wait a while.',
    'offer-old': 'The price was asked too long ago. Go back to the site: it asks anew.',
    'offer-wrong': 'This payment cannot be read, or belongs to another site.',
    'password-weak': 'The password is too short: at least eight letters.',
    'voucher-unknown': 'There is no such voucher.',
    'voucher-used': 'This voucher was used before.',
    'faucet-limit': 'Enough play money for now. Try again later.',
    'passkey-off': 'No passkey was used. Nothing happened.',
    'passkey-there': 'This device has a passkey for this wallet already.',
    offline: 'No answer. Please try again.',
  },
  codeIs: (code, broker) => `${code} is your code for the wallet at ${broker}. Nobody will ask you for it.`,
};

const de: Texts = {
  dir: 'ltr',
  wallet: 'Deine Wallet',
  payTitle: 'Eine Seite bezahlen',
  test: 'Testbetrieb: Das ist Spielgeld. Hier kostet nichts echtes Geld.',
  needsScript: 'Diese Seite braucht JavaScript. Eine Wallet im Browser zahlt ohne.',
  signIn: 'Meinen Passkey benutzen',
  signUp: 'Neu hier: Wallet anlegen',
  signUpText: 'Telefon oder Computer legt einen Passkey an. Kein Name, keine E-Mail-Adresse.',
  passwordInstead: 'Kein Passkey? Passwort und Code',
  passwordText: 'Für kleinere Beträge. Bei jeder Anmeldung wird ein Code geschickt.',
  contact: 'Wohin Codes gehen: E-Mail-Adresse oder Telefonnummer',
  password: 'Passwort',
  sendCode: 'Code schicken',
  codeSent: 'Wenn das Passwort stimmt, ist ein Code unterwegs.',
  code: 'Die sechs Ziffern',
  confirm: 'Anmelden',
  inbox: 'Test-Posteingang',
  lost: 'Alle Passkeys verloren?',
  printedCode: 'Gedruckter Code',
  recover: 'Neuen Passkey anlegen',
  printedText:
    'Drucke oder schreibe das auf. Nur damit kommst du hinein, wenn deine Passkeys verloren sind; es wird nicht noch einmal gezeigt.',
  print: 'Drucken',
  haveIt: 'Habe ich',
  balance: 'Guthaben',
  pay: '{price} zahlen',
  faucet: '{price} Spielgeld holen',
  past: 'Letzte Bewegungen',
  topUp: 'Aufladung',
  voucher: 'Mit Gutschein aufladen',
  voucherCode: 'Gutscheincode',
  redeem: 'Aufladen',
  passkeys: 'Passkeys',
  passkey: 'Passkey vom {date}',
  remove: 'Entfernen',
  add: 'Passkey hinzufügen',
  signOut: 'Abmelden',
  back: 'Zurück zur Website, ohne zu zahlen',
  goingBack: 'Von dir bezahlt. Zurück zur Website …',
  what: 'Wer verwahrt das Geld?',
  whatText:
    '{broker} verwahrt diese Wallet und ihre Schlüssel für dich, wie eine Bank, und sieht, welchen Websites du wie viel zahlst. Welche Seite es ist, sieht {broker} nicht: Dieser Teil der Adresse bleibt im Browser. Die Website erfährt nicht, wer du bist. Eine eigene Wallet verwahrt ihre Schlüssel selbst.',
  notCharged: 'Es wurde nichts abgebucht.',
  unknownSite: '{broker} kennt diese Website nicht.',
  problems: {
    'level-too-low': 'Dafür braucht es einen stärkeren Schlüssel: Passkey statt Passwort, oder eine eigene Wallet.',
    'limit-reached': 'Das ist mehr, als du heute zahlen darfst.',
    'balance-short': 'In dieser Wallet ist nicht genug Geld. Lade sie zuerst auf.',
    'sign-in-wrong': 'Damit ging die Wallet nicht auf. Bitte noch einmal versuchen.',
    'sign-in-needed': 'Bitte wieder anmelden.',
    'sign-in-wait': 'Zu viele falsche Versuche. Bitte eine Weile warten.',
    'offer-old': 'Der Preis wurde vor zu langer Zeit genannt. Geh zurück zur Website: Sie fragt neu.',
    'offer-wrong': 'Diese Zahlung ist nicht lesbar oder gehört zu einer anderen Website.',
    'password-weak': 'Das Passwort ist zu kurz: mindestens acht Zeichen.',
    'voucher-unknown': 'Diesen Gutschein gibt es nicht.',
    'voucher-used': 'Dieser Gutschein wurde schon benutzt.',
    'faucet-limit': 'Genug Spielgeld für jetzt. Später noch einmal.',
    'passkey-off': 'Es wurde kein Passkey benutzt. Nichts ist geschehen.',
    'passkey-there': 'Dieses Gerät hat schon einen Passkey für diese Wallet.',
    offline: 'Keine Antwort. Bitte noch einmal versuchen.',
  },
  codeIs: (code, broker) => `${code} ist dein Code für die Wallet bei ${broker}. Niemand wird dich danach fragen.`,
};

export const texts = { en, de, es, ar } as const;
export type Language = keyof typeof texts;

const languages = Object.keys(texts) as Language[];

/** The first of ours in Accept-Language, else English. The order of the header is the reader's in all browsers. */
export function languageOf(header: string | undefined): Language {
  const wanted = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((part) => part.trim().slice(0, 2).toLowerCase());
  return (
    wanted.map((tag) => languages.find((language) => language === tag)).find((found) => found !== undefined) ?? 'en'
  );
}

/** `{name}` becomes its value. */
export const fill = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
