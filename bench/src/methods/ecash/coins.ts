// What the page of the benchmark is paid with: the two coins that a wallet has for such a price.

export const DENOMINATIONS = ['0.0005 USD', '0.001 USD'];
export const COINS = [500n, 1000n];
export const PRICE_MICRO = 1500n;
