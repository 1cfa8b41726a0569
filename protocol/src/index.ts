// @farthing/protocol: the wire format, for every host. Roles are in /wallet, /vendor and /broker.
export * from './core/accept-payment.ts';
export * from './core/box.ts';
export * from './core/bytes.ts';
export * from './core/challenge.ts';
export * from './core/credential.ts';
export * from './core/crypto.ts';
export * from './core/decode.ts';
export * from './core/json.ts';
export * from './core/limits.ts';
export type * from './core/method.ts';
export * from './core/money.ts';
export * from './core/orders.ts';
export * from './core/payment-meter.ts';
export * from './core/problems.ts';
export * from './core/receipt.ts';
export * from './core/session.ts';
export * from './core/sign.ts';
