-- What the agents may ask of the tables, by name: `await ctx.rows("policy_of", number="MOT-2024-1001")`.
-- Reads only. Money leaves as text, days as ISO dates, so that facts are JSON-plain.

-- name: policy_of
-- One row for each cover; a policy without covers gives one row without a peril.
select p.number, p.line, p.holder, p.beneficiary, p.status, p.begins::text, p.ends::text,
       p.sum_insured::text, p.deductible::text, p.currency, c.peril, c.most::text
from larkcover.policies p
left join larkcover.covers c on c.policy = p.number
where p.number = %(number)s
order by c.peril;

-- name: exclusions_touched
-- The exclusions of a line whose words the claim uses.
select code, says
from larkcover.exclusions
where line = %(line)s and %(words)s ~* words
order by code;

-- name: history_of
-- The policy beside each earlier claim on it, those paid here under another number included.
select p.begins::text, p.holder, p.beneficiary, e.id, e.peril, e.loss_date::text
from larkcover.policies p
left join (
    select id, policy, peril, loss_date from larkcover.earlier_claims
    union all
    select id, policy, peril, loss_date from larkcover.payments where claim <> %(claim)s
) e on e.policy = p.number
where p.number = %(number)s
order by e.loss_date desc, e.id
limit 50;

-- name: payment_of
select id, amount::text, currency
from larkcover.payments
where case_id = %(case_id)s;
