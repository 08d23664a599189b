-- What the agents may ask of the tables, by name: `await ctx.rows("charges_of", customer="C-1007")`.
-- Reads only. Money leaves as text, times as ISO dates, so that facts are JSON-plain.

-- name: account
select c.id as customer, c.name, c.plan, c.status, c.identity_verified,
       b.amount::text as balance, b.currency
from larkpay.customers c
left join larkpay.balances b on b.customer = c.id and b.main
where c.id = %(customer)s;

-- name: file_of
-- All of a customer at once, a row of JSON each, as the queries below give it; `part` says of what kind.
select part, row from (
  select 0 as place, 0 as nth, 'account' as part, to_jsonb(a) as row from (
    select c.id as customer, c.name, c.plan, c.status, c.identity_verified,
           b.amount::text as balance, b.currency
    from larkpay.customers c
    left join larkpay.balances b on b.customer = c.id and b.main
    where c.id = %(customer)s) a
  union all
  select 1, 0, 'plan', to_jsonb(p) from (
    select plan, monthly_fee::text, cash_free_month::text, cash_fee_percent::text, exchange_free_month::text,
           weekend_markup::text, top_up_day::text, transfer_day::text, disposable_day
    from larkpay.plans
    where plan = (select plan from larkpay.customers where id = %(customer)s)) p
  union all
  select 2, row_number() over (order by k.id), 'card', to_jsonb(k) from (
    select id, kind, network, status, last4, ordered_on::text, expected_by::text, expires_on::text
    from larkpay.cards
    where customer = %(customer)s) k
  union all
  (select 3, row_number() over (order by f.at desc, f.id desc), 'charge', to_jsonb(f) from (
    select id, kind, amount::text, currency, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
           reason, reversible, transaction
    from larkpay.charges
    where customer = %(customer)s
    order by larkpay.charges.at desc, id desc
    limit 50) f)
  union all
  (select 4, row_number() over (order by m.at desc, m.id desc), 'transaction', to_jsonb(m) from (
    select t.id, t.kind, t.counterparty, t.amount::text, t.currency, t.status, t.reason, r.says as reason_says,
           to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, t.due::text
    from larkpay.transactions t
    left join larkpay.reasons r on r.code = t.reason
    where t.customer = %(customer)s
    order by t.at desc, t.id desc
    limit 50) m)
) parts
order by place, nth;

-- name: cards_of
select id, kind, network, status, last4, ordered_on::text, expected_by::text, expires_on::text
from larkpay.cards
where customer = %(customer)s
order by id;

-- name: charges_of
select id, kind, amount::text, currency, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at,
       reason, reversible, transaction
from larkpay.charges
where customer = %(customer)s
order by larkpay.charges.at desc, id desc
limit 50;

-- name: transactions_of
select t.id, t.kind, t.counterparty, t.amount::text, t.currency, t.status, t.reason, r.says as reason_says,
       to_char(t.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at, t.due::text
from larkpay.transactions t
left join larkpay.reasons r on r.code = t.reason
where t.customer = %(customer)s
order by t.at desc, t.id desc
limit 50;

-- name: balances_of
select currency, amount::text, main
from larkpay.balances
where customer = %(customer)s
order by main desc, currency;

-- name: plan_limits
select plan, monthly_fee::text, cash_free_month::text, cash_fee_percent::text, exchange_free_month::text,
       weekend_markup::text, top_up_day::text, transfer_day::text, disposable_day
from larkpay.plans
where plan = %(plan)s;
