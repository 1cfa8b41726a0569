// The wallet: one class that hosts talk to. It owns no knowledge of a payment method and no screen.
import type {
  Approval,
  Ask,
  Balance,
  BrokerInfo,
  Budget,
  Conservation,
  Decision,
  Payment,
  PaymentRecord,
  Recovered,
  Rule,
  Settled,
  SiteAnswer,
  SiteRule,
  WalletPorts,
} from './types.ts';

export class Wallet {
  static async open(_ports: WalletPorts): Promise<Wallet> {
    throw new Error('not built yet');
  }
  init(_options: { brokerUrl: string }): Promise<BrokerInfo> {
    throw new Error('not built yet');
  }
  accountId(): string | undefined {
    throw new Error('not built yet');
  }
  brokers(): Promise<BrokerInfo[]> {
    throw new Error('not built yet');
  }
  topUp(_options: { brk?: string } & ({ amountMicro: bigint } | { voucher: string })): Promise<PaymentRecord> {
    throw new Error('not built yet');
  }
  balance(_options: { refresh?: boolean } = {}): Promise<Balance> {
    throw new Error('not built yet');
  }
  decide(_ask: Ask): Promise<Decision> {
    throw new Error('not built yet');
  }
  pay(_ask: Ask, _approval: Approval): Promise<Payment> {
    throw new Error('not built yet');
  }
  preempt(_request: { url: string; method: string; site: string; digest?: string }): Promise<Payment | undefined> {
    throw new Error('not built yet');
  }
  settle(_paymentId: string, _answer: SiteAnswer): Promise<Settled> {
    throw new Error('not built yet');
  }
  unsent(_paymentId: string): Promise<void> {
    throw new Error('not built yet');
  }
  resolve(_paymentId: string): Promise<Settled> {
    throw new Error('not built yet');
  }
  pending(): Promise<Payment[]> {
    throw new Error('not built yet');
  }
  history(_options: { limit?: number; before?: string; site?: string } = {}): Promise<PaymentRecord[]> {
    throw new Error('not built yet');
  }
  record(_id: string): Promise<PaymentRecord | undefined> {
    throw new Error('not built yet');
  }
  exportCsv(): Promise<string> {
    throw new Error('not built yet');
  }
  siteRules(): Promise<SiteRule[]> {
    throw new Error('not built yet');
  }
  rule(_origin: string): Promise<SiteRule> {
    throw new Error('not built yet');
  }
  setRule(_origin: string, _rule: Rule): Promise<void> {
    throw new Error('not built yet');
  }
  forgetSite(_origin: string): Promise<void> {
    throw new Error('not built yet');
  }
  budget(): Promise<Budget> {
    throw new Error('not built yet');
  }
  setBudget(_change: Partial<Pick<Budget, 'perDayMicro' | 'newSites' | 'newSitesUpToMicro'>>): Promise<void> {
    throw new Error('not built yet');
  }
  pause(_untilMs: number | 'forever'): Promise<void> {
    throw new Error('not built yet');
  }
  resume(): Promise<void> {
    throw new Error('not built yet');
  }
  refund(_options: { vnd?: string; origin?: string } = {}): Promise<PaymentRecord[]> {
    throw new Error('not built yet');
  }
  renewExpiring(_withinMs: number): Promise<PaymentRecord[]> {
    throw new Error('not built yet');
  }
  recover(): Promise<Recovered> {
    throw new Error('not built yet');
  }
  conservation(): Promise<Conservation[]> {
    throw new Error('not built yet');
  }
  subscribe(_listener: () => void): () => void {
    throw new Error('not built yet');
  }
}
