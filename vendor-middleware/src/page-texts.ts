// The words of the 402 page in the languages that the wallet speaks too, chosen by Accept-Language.
import { currencies, type Money, toDecimal } from '@farthing/protocol';

export type Texts = {
  readonly dir: 'ltr' | 'rtl';
  readonly priced: string;
  readonly retry: string;
  readonly test: (broker: string) => string;
  readonly price: string;
  readonly have: string;
  /** Text before the keys Alt+Shift+P, and after them. */
  readonly press: readonly [string, string];
  readonly payAt: (broker: string) => string;
  readonly payAtText: string;
  readonly what: string;
  readonly whatText: string;
  readonly learns: string;
  readonly broker: string;
  readonly code: string;
  readonly charged: { readonly true: string; readonly false: string; readonly unknown: string };
  /** `n` is a localised number of cents below one, of cents, or of whole units. */
  readonly cents: (n: string, part: 'of a cent' | 'one' | 'many') => string;
};

const en: Texts = {
  dir: 'ltr',
  priced: 'This page has a price',
  retry: 'Please try again',
  test: (broker) => `Test mode: this site takes play money of ${broker}. Nothing here costs real money.`,
  price: 'Price',
  have: 'Already have the wallet?',
  press: ['Click its icon or press', ''],
  payAt: (broker) => `Pay on ${broker}’s page`,
  payAtText: 'Without a wallet in this browser: with a passkey, also on a phone.',
  what: 'What is this?',
  whatText:
    'This site charges a tiny amount for a page. A wallet in your browser pays it from a balance and within limits that you set. No account, no e-mail address.',
  learns: 'The site learns that this page was paid, and not by whom.',
  broker: 'Broker',
  code: 'Code',
  charged: {
    true: 'This payment was used before.',
    false: 'You were not charged.',
    unknown: 'We do not know yet whether this was charged. Your wallet will ask again.',
  },
  cents: (n, part) => (part === 'of a cent' ? `${n} of a cent` : part === 'one' ? '1 cent' : `${n} cents`),
};

const de: Texts = {
  dir: 'ltr',
  priced: 'Diese Seite hat einen Preis',
  retry: 'Bitte noch einmal versuchen',
  test: (broker) => `Testbetrieb: Diese Website nimmt Spielgeld von ${broker}. Hier kostet nichts echtes Geld.`,
  price: 'Preis',
  have: 'Wallet schon da?',
  press: ['Auf ihr Symbol klicken oder', ' drücken'],
  payAt: (broker) => `Auf der Seite von ${broker} zahlen`,
  payAtText: 'Ohne Wallet in diesem Browser: mit einem Passkey, auch am Telefon.',
  what: 'Was ist das?',
  whatText:
    'Diese Website verlangt einen winzigen Betrag für eine Seite. Eine Wallet im Browser zahlt ihn aus einem Guthaben und in Grenzen, die du setzt. Kein Konto, keine E-Mail-Adresse.',
  learns: 'Die Website erfährt, dass diese Seite bezahlt wurde, und nicht von wem.',
  broker: 'Broker',
  code: 'Code',
  charged: {
    true: 'Diese Zahlung wurde schon verwendet.',
    false: 'Es wurde nichts abgebucht.',
    unknown: 'Noch ist nicht bekannt, ob abgebucht wurde. Die Wallet fragt wieder nach.',
  },
  cents: (n) => `${n} Cent`,
};

const es: Texts = {
  dir: 'ltr',
  priced: 'Esta página tiene un precio',
  retry: 'Inténtalo de nuevo',
  test: (broker) => `Modo de prueba: este sitio acepta dinero de juguete de ${broker}. Aquí nada cuesta dinero real.`,
  price: 'Precio',
  have: '¿Ya tienes el monedero?',
  press: ['Haz clic en su icono o pulsa', ''],
  payAt: (broker) => `Pagar en la página de ${broker}`,
  payAtText: 'Sin monedero en este navegador: con una llave de acceso, también en el móvil.',
  what: '¿Qué es esto?',
  whatText:
    'Este sitio cobra una cantidad minúscula por una página. Un monedero en tu navegador la paga de un saldo y dentro de los límites que tú fijas. Sin cuenta ni correo electrónico.',
  learns: 'El sitio sabe que esta página se pagó, y no quién la pagó.',
  broker: 'Bróker',
  code: 'Código',
  charged: {
    true: 'Este pago ya se había usado.',
    false: 'No se te ha cobrado.',
    unknown: 'Todavía no sabemos si se ha cobrado. Tu monedero volverá a preguntar.',
  },
  cents: (n, part) => (part === 'of a cent' ? `${n} de centavo` : part === 'one' ? '1 centavo' : `${n} centavos`),
};

const ar: Texts = {
  dir: 'rtl',
  priced: 'لهذه الصفحة ثمن',
  retry: 'يرجى المحاولة مرة أخرى',
  test: (broker) => `وضع تجريبي: يقبل هذا الموقع نقودًا تجريبية من ${broker}. لا شيء هنا يكلّف مالًا حقيقيًا.`,
  price: 'السعر',
  have: 'لديك المحفظة بالفعل؟',
  press: ['انقر على أيقونتها أو اضغط', ''],
  payAt: (broker) => `ادفع في صفحة ${broker}`,
  payAtText: 'دون محفظة في هذا المتصفح: بمفتاح مرور، وعلى الهاتف أيضًا.',
  what: 'ما هذا؟',
  whatText:
    'يتقاضى هذا الموقع مبلغًا ضئيلًا مقابل الصفحة. تدفعه محفظة في متصفحك من رصيد وضمن حدود تضعها أنت. بلا حساب وبلا بريد إلكتروني.',
  learns: 'يعلم الموقع أن هذه الصفحة دُفع ثمنها، ولا يعلم مَن دفعه.',
  broker: 'الوسيط',
  code: 'الرمز',
  charged: {
    true: 'استُخدمت هذه الدفعة من قبل.',
    false: 'لم يُخصم منك شيء.',
    unknown: 'لا نعلم بعد إن كان المبلغ قد خُصم. ستسأل محفظتك مرة أخرى.',
  },
  cents: (n, part) => (part === 'of a cent' ? `${n} من السنت` : `${n} سنت`),
};

export const texts = { en, de, es, ar } as const;
export type Language = keyof typeof texts;
export const languages = Object.keys(texts) as Language[];

/** Exact: at least two decimals, never rounded. Marks that Intl adds for direction are left out; the page sets it. */
export function moneyText({ amount, currency }: Money, language: Language): string {
  const format = new Intl.NumberFormat(language, {
    style: 'currency',
    currency: currencies[currency].iso,
    minimumFractionDigits: 2,
    maximumFractionDigits: 6,
  });
  return format.format(toDecimal(amount) as Intl.StringNumericLiteral).replace(/[\u200e\u200f\u061c]/g, '');
}

/** The exact price below a unit in words: `0.15 of a cent`, `2.5 cents`; `undefined` from one unit on, where the figure is plain. */
export function plainPrice({ amount }: Money, language: Language): string | undefined {
  if (amount >= 1_000_000n) return undefined;
  const cents = new Intl.NumberFormat(language, { maximumFractionDigits: 6 }).format(
    toDecimal(amount * 100n) as Intl.StringNumericLiteral,
  );
  return texts[language].cents(cents, amount < 10_000n ? 'of a cent' : amount === 10_000n ? 'one' : 'many');
}

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** `477 kB`: of a thousand bytes each. */
export function sizeText(bytes: number, language: Language): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const [value, unit] = [bytes / 1000 ** step, SIZES[step] ?? 'byte'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumSignificantDigits: 3 }).format(value);
}
