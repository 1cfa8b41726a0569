// What is wrong with a site's configuration: found at start-up, each with a stable code and a sentence that says what
// to change.

export type SetupCode =
  | 'option-unknown'
  | 'option-invalid'
  | 'origin-missing'
  | 'origin-insecure'
  | 'broker-insecure'
  | 'broker-unreachable'
  | 'broker-refused'
  | 'secret-missing'
  | 'secret-weak'
  | 'data-unwritable'
  | 'price-invalid'
  | 'routes-unmounted'
  | 'routes-elsewhere'
  | 'body-parsed-before'
  | 'currency-unlicensed'
  | 'claim-alarm'
  | 'payword-key'
  | 'coin-keysets'
  | 'stream-failed'
  | 'goods-failed'
  | 'claims-full'
  | 'store-fault'
  | 'store-unreachable'
  | 'claims-waiting'
  | 'payment-unasked'
  | 'renewal-failed';

/** `about`: the claim that it is about, which the log does not name. */
export type Problem = { readonly code: SetupCode; readonly message: string; readonly about?: string };

/** The site cannot start. `code` is stable; the message says what to change and holds no secret. */
export class SetupError extends Error {
  readonly code: SetupCode;

  constructor(code: SetupCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.name = 'SetupError';
    this.code = code;
  }
}
