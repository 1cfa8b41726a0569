// What a command says when it cannot do what was asked: what happened, its code, and what to do about it.
import { isProblemCode, PaymentProblem, problemInfo } from '@farthing/protocol';
import { type Command, toJsonText, UsageError } from './command.ts';

type To = { readonly json: boolean; readonly command: Command | undefined };

/** @returns the exit status */
export function report(error: unknown, { json, command }: To): number {
  if (error instanceof UsageError) {
    if (json) process.stdout.write(`${toJsonText({ error: { code: 'usage', title: error.message } })}\n`);
    say(error.message, command && `Usage: ${command.usage}`);
    return 2;
  }
  if (error instanceof PaymentProblem) return reportProblem(error, { json, command });
  const { title, help } = faultOf(error);
  if (json) process.stdout.write(`${toJsonText({ error: { code: 'fault', title } })}\n`);
  say(title, help);
  return 1;
}

const say = (...lines: readonly (string | undefined)[]) =>
  process.stderr.write(`farthing: ${lines.filter(Boolean).join('\n  ')}\n`);

function reportProblem({ code, extra }: PaymentProblem, { json, command }: To): number {
  const info = problemInfo(code);
  const own = command?.mend?.[code];
  const help = own ?? (code === 'outcome-unknown' ? RECOVER : info.help);
  // What a table for all parties says first is not what went wrong for who typed this.
  const [title, detail] = own !== undefined && extra.detail !== undefined ? [extra.detail] : [info.title, extra.detail];
  if (json)
    process.stdout.write(`${toJsonText({ error: { code, title, help, detail: detail ?? '', ...extra.members } })}\n`);
  say(`${title} (${code})`, detail, help);
  return 1;
}

const RECOVER = 'Run farthing recover: it presents the same payment again.';

/** `fetch failed` hides the reason in its causes. */
function faultOf(error: unknown): { title: string; help?: string } {
  if (!(error instanceof Error)) return { title: String(error) };
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const reason = cause && !isProblemCode(cause.message) ? cause.message || cause.name : undefined;
  if (error.message === 'fetch failed')
    return {
      title: `no answer from there: ${reason ?? 'unknown fault'}`,
      help: 'Check the address, and whether it is up.',
    };
  return { title: reason === undefined ? error.message : `${error.message}: ${reason}` };
}
