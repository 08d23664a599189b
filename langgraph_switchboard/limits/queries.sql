-- Limits: one turn for all waiting calls; what nobody will settle; how things stand.

-- name: turn
select * from switchboard.limits_turn(
    %(me)s::bigint,
    %(b_key)s::text[], %(b_scope)s::text[], %(b_subject)s::text[], %(b_day)s::text[],
    %(b_micros)s::bigint[], %(b_tokens)s::bigint[],
    %(d_call)s::bigint[], %(d_micros)s::bigint[], %(d_tokens)s::bigint[],
    %(f_case)s::text[], %(f_epoch)s::bigint[],
    %(r_key)s::text[], %(r_rate)s::float8[], %(r_burst)s::float8[],
    %(k_key)s::text[], %(k_cool)s::float8[],
    %(c_call)s::bigint[], %(c_case)s::text[], %(c_epoch)s::bigint[], %(c_micros)s::bigint[],
    %(c_tokens)s::bigint[], %(c_rate)s::int4[], %(c_patience)s::float8[], %(c_breaker)s::int4[],
    %(l_call)s::int4[], %(l_budget)s::int4[],
    %(k_window)s::int4[], %(k_least)s::int4[], %(k_errors)s::float8[], %(k_slower)s::float8[],
    %(k_confidence)s::float8[], %(k_rejections)s::float8[],
    %(s_breaker)s::int4[], %(s_call)s::bigint[], %(s_failed)s::bool[], %(s_seconds)s::float8[],
    %(s_confidence)s::float8[], %(s_rejected)s::bool[]
);

-- name: release_stale
select switchboard.release_stale() as calls;

-- name: budgets
-- Those of days from today on, and the fullest of cases.
(select scope, subject, day, limit_micros, limit_tokens, spent_micros, spent_tokens, held_micros, held_tokens
 from switchboard.budgets where day >= (now() at time zone 'UTC')::date
 order by scope, subject limit %(limit)s)
union all
(select scope, subject, day, limit_micros, limit_tokens, spent_micros, spent_tokens, held_micros, held_tokens
 from switchboard.budgets where day is null
 order by greatest((spent_micros + held_micros)::float8 / nullif(limit_micros, 0),
                   (spent_tokens + held_tokens)::float8 / nullif(limit_tokens, 0)) desc nulls last, key
 limit %(limit)s)
limit %(limit)s;

-- name: breakers
select kind, name, state, why, opened_at, opened, calls, errors, seconds, confidence, decisions, rejections
from switchboard.breakers order by kind, name;
