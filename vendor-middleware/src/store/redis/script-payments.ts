// Lua, second part: the steps of payments, as \`payments.ts\` makes them on other books. Here they run where the rows are, so that
// processes that add to the same claim or limit never have to try again. Each decides first and changes then.

/** What the operations of the script answer, beside 0 for done or won. */
export const ANSWERS = { known: 1, held: 2, stale: 3, over: 4, tooMuch: 5, fresh: 6, undo: 7, none: 8 } as const;
const { known, held, stale, over, tooMuch, fresh, undo, none } = ANSWERS;

export const PAYMENTS = `
-- A claim's row: until, total, paid, rank and text of its evidence ('-' and nothing: there is none).
local function claimOf(key)
  local claim = claims[key]
  if claim then return claim end
  local row = get(C .. key)
  if not row then return { untilMs = '0', total = '0', paid = '0', rank = '-', evidence = '', isNew = true } end
  local untilMs, total, paid, rank, evidence = string.match(row, '^(%d+) (%d+) (%d+) (%S+) (.*)$')
  claim = { untilMs = untilMs, total = total, paid = paid, rank = rank, evidence = evidence }
  claims[key] = claim
  return claim
end

local function setClaim(key, claim)
  local was = claimOf(key)
  local wasDue, isDue = more(was.total, was.paid), more(claim.total, claim.paid)
  if wasDue ~= isDue then dueChanged[#dueChanged + 1] = { key, isDue } end
  if was.isNew or more(was.untilMs, claim.untilMs) then plan(C .. key, tonumber(claim.untilMs) + KEPT) end
  claims[key] = claim
  claimChanged[key] = true
end

local function dropClaim(key)
  claims[key] = nil
  claimChanged[key] = nil
  set(C .. key, false)
end

-- Steps of claims: key, add, until, 1 for the only step, rank, and evidence as text or as the number of an argument.
local function evidenceOf(step, raws)
  return type(step[6]) == 'number' and raws[step[6]] or step[6]
end

local function withStep(now, step, raws)
  local isOnce = step[4] == 1
  local untilMs = (isOnce or more(step[3], now.untilMs)) and step[3] or now.untilMs
  local claim = { untilMs = untilMs, paid = now.paid, rank = now.rank, evidence = now.evidence }
  claim.total = isOnce and step[2] or plus(now.total, step[2])
  local isBetter = now.rank == '-' or step[5] == '-' or tonumber(step[5]) > tonumber(now.rank)
  if isOnce then isBetter = now.total == '0' end
  if isBetter and step[5] ~= '-' then claim.rank, claim.evidence = step[5], evidenceOf(step, raws) end
  return claim
end

-- What the claims would be, in their order; nothing: a sum passes what can be stored.
local function booked(steps, raws)
  local sums, order = {}, {}
  for _, step in ipairs(steps) do
    local key = step[1]
    if not sums[key] then order[#order + 1] = key end
    sums[key] = withStep(sums[key] or claimOf(key), step, raws)
    if more(sums[key].total, SUM_MAX) then return nil end
  end
  return sums, order
end

local function book(sums, order)
  for _, key in ipairs(order) do setClaim(key, sums[key]) end
end

-- What shows claims of one step, before they are due.
local function keepEvidence(steps, raws)
  for _, step in ipairs(steps) do
    if step[4] == 1 and step[5] ~= '-' and claimOf(step[1]).total == '0' then
      setClaim(step[1], { untilMs = step[3], total = '0', paid = '0', rank = step[5], evidence = evidenceOf(step, raws) })
    end
  end
end

-- Tallies: key, add, limit, and until or '-'. Gives the sums, or what stands in the way.
local function tallied(tallies)
  local sums = {}
  for i, tally in ipairs(tallies) do
    local key = T .. tally[1]
    local row = sums[key] or get(key) or '- 0'
    local untilMs, sum = string.match(row, '^(%S+) (%d+)$')
    local total = plus(sum, tally[2])
    if more(total, tally[3]) then return nil, { ${over}, i, sum } end
    if more(total, SUM_MAX) then return nil, { ${tooMuch} } end
    sums[key] = (tally[4] == '-' and untilMs or tally[4]) .. ' ' .. total
  end
  return sums
end

local function keepAll(rows)
  for key, row in pairs(rows) do keep(key, row) end
end

-- The first in the way of these instruments, and the numbers of all that are.
local function holding(spends)
  local lost, by = {}, nil
  for i, key in ipairs(spends) do
    local holder = get(S .. key)
    if holder then
      lost[#lost + 1] = i
      by = by or holder
    end
  end
  if by then return { ${held}, lost, by, get(P .. by) or '', openOf(by) or '' } end
end

-- A session's row: until, version, and the row as text.
local function isStale(key, seen)
  local row = get(X .. key) or ''
  if (string.match(row, '^%d+ (%S+)') or '') ~= seen then return { ${stale}, row } end
end

-- Without arguments it only looks.
local function reserve(op, raws)
  local _, _, id, spends, tallies, steps, state, session, deeds = unpack(op)
  local row = get(P .. id)
  if row then return { ${known}, row, openOf(id) or '' } end
  local refusal = holding(spends) or (session ~= 0 and isStale(session[1], session[2]))
  if refusal then return refusal end
  if not raws[1] then return { ${fresh} } end
  local sums, isOver = tallied(tallies)
  if not sums then return isOver end
  local totals, order
  if state == '' then
    totals, order = booked(steps, raws)
    if not totals then return { ${tooMuch} } end
  end
  keep(P .. id, raws[1])
  for _, key in ipairs(spends) do set(S .. key, id) end
  keepAll(sums)
  if totals then
    book(totals, order)
  else
    setOpen(id, state)
    keepEvidence(steps, raws)
  end
  if session ~= 0 then keep(X .. session[1], raws[2]) end
  for i, key in ipairs(deeds) do keep(D .. key, raws[2 + i]) end
  return 0
end

-- The part of a payment's row that verdicts need.
local function headOf(row)
  local from = string.find(row, ' ', 1, true) + 1
  return cjson.decode(string.sub(row, from, string.find(row, '\\n', from, true) - 1))
end

local function release(id, row, op, raws)
  local head = headOf(row)
  if head.x and op[6] == 1 then
    local session = get(X .. head.x[1])
    if session and isStale(head.x[1], op[7]) then return { ${undo}, row, session } end
    if session and raws[1] then keep(X .. head.x[1], raws[1]) end
  end
  for _, tally in ipairs(head.t) do
    local sum = get(T .. tally[1])
    if sum then
      local untilMs, total = string.match(sum, '^(%S+) (%d+)$')
      keep(T .. tally[1], untilMs .. ' ' .. minus(total, tally[2]))
    end
  end
  set(P .. id, false)
  for _, key in ipairs(head.s) do set(S .. key, false) end
  for _, step in ipairs(head.c) do
    if step[4] == 1 and claimOf(step[1]).total == '0' then dropClaim(step[1]) end
  end
  setOpen(id, false)
  return 0
end

local function settle(op, raws)
  local _, _, id, owner, verdict = unpack(op)
  local state = openOf(id)
  local row = state and get(P .. id)
  if not row then return { ${none} } end
  local atMs, by = string.match(state, '^%d (%S+) (.*)$')
  if verdict ~= 'commit' and by ~= owner then return { ${none} } end
  if verdict == 'release' then return release(id, row, op, raws) end
  if verdict == 'loose' then
    setOpen(id, '2 ' .. atMs .. ' ' .. by)
    return 0
  end
  local totals, order = booked(headOf(row).c, raws)
  if not totals then return { ${tooMuch} } end
  book(totals, order)
  setOpen(id, false)
  return 0
end

local function takeOver(op)
  local _, _, id, from, atMs, to, nowMs = unpack(op)
  local state = openOf(id)
  if not state or string.sub(state, 3) ~= atMs .. ' ' .. from then return { ${none} } end
  setOpen(id, '0 ' .. nowMs .. ' ' .. to)
  return 0
end

local function changeSession(op, raws)
  local _, _, key, seen, steps = unpack(op)
  if not get(X .. key) then return { ${none} } end
  local refusal = isStale(key, seen)
  if refusal then return refusal end
  if not raws[1] then return { ${fresh} } end
  local totals, order = booked(steps, raws)
  if not totals then return { ${tooMuch} } end
  keep(X .. key, raws[1])
  book(totals, order)
  return 0
end
`;
