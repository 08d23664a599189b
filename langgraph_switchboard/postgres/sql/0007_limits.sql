-- Limits: budgets, token buckets and breakers, asked about by all waiting calls of a process at once.

create table switchboard.budgets (
    budget_id     bigint generated always as identity unique,
    key           text primary key,
    scope         text not null check (scope in ('flow', 'agent', 'model', 'case', 'step')),
    subject       text not null,
    day           date,
    limit_micros  bigint,
    limit_tokens  bigint,
    spent_micros  bigint not null default 0,
    spent_tokens  bigint not null default 0,
    held_micros   bigint not null default 0,
    held_tokens   bigint not null default 0,
    updated_at    timestamptz not null default clock_timestamp()
) with (fillfactor = 50);  -- the same few rows are changed all the time: in place, without touching an index
comment on table switchboard.budgets is
    'What may be spent, is spent, and is held for calls under way; micros are millionths of a dollar.';
create index budgets_of_day on switchboard.budgets (day) where day is not null;

create table switchboard.reservations (
    process    bigint not null,
    call       bigint not null,
    budget_id  bigint not null,
    case_id    text not null,
    epoch      bigint,
    micros     bigint not null,
    tokens     bigint not null,
    at         timestamptz not null default clock_timestamp(),
    primary key (process, call, budget_id)
);
comment on table switchboard.reservations is
    'What calls under way hold of each budget. What an owner held who was superseded, or whose process is '
    'gone, is given back: when the case is next driven, or when a budget has no room.';
create index reservations_of_case on switchboard.reservations (case_id);

create table switchboard.buckets (
    key         text primary key,
    per_second  double precision not null,
    burst       double precision not null,
    full_at     double precision not null
) with (fillfactor = 50);
comment on table switchboard.buckets is
    'Token buckets. full_at: when it would be full again if nobody came, in seconds of the epoch by this '
    'server''s clock; calls that wait for their turn have taken their tokens already.';

create table switchboard.breaker_states (
    key         text primary key,
    open_until  timestamptz,
    probe_until timestamptz,
    probe       bigint[],  -- process and number of the call that tries it
    opened_at   timestamptz,
    opened      bigint not null default 0,
    why         text not null default '',
    failed      boolean[] not null default '{}',
    seconds     double precision[] not null default '{}',
    confidence  double precision[] not null default '{}',
    rejected    boolean[] not null default '{}'
) with (fillfactor = 50);
comment on table switchboard.breaker_states is
    'Breakers of agents and models with their last calls and decisions; the view breakers reads easier.';

create view switchboard.breakers as
    select split_part(key, ':', 1) as kind, substr(key, strpos(key, ':') + 1) as name,
           case when open_until is null then 'closed' when open_until > clock_timestamp() then 'open'
                else 'half_open' end as state,
           why, opened_at, open_until, opened,
           cardinality(failed) as calls,
           (select avg(f::int)::float from unnest(failed) f) as errors,
           (select percentile_cont(0.5) within group (order by s) from unnest(seconds) s) as seconds,
           (select avg(c) from unnest(confidence) c) as confidence,
           cardinality(rejected) as decisions,
           (select avg(r::int)::float from unnest(rejected) r) as rejections
    from switchboard.breaker_states;
comment on view switchboard.breakers is
    'Who is left alone just now and why, with the figures of the last calls; half_open: the next call tries.';

create view switchboard.budgets_left as
    select scope, subject, day, limit_micros / 1e6 as limit_usd, spent_micros / 1e6 as spent_usd,
           held_micros / 1e6 as held_usd, (limit_micros - spent_micros - held_micros) / 1e6 as left_usd,
           limit_tokens, spent_tokens, held_tokens, limit_tokens - spent_tokens - held_tokens as left_tokens
    from switchboard.budgets;
comment on view switchboard.budgets_left is 'Budgets in dollars and tokens, and what is left of them.';

-- What reservations hold is given back, and what their calls have cost is counted; the budgets are
-- locked by the caller, in the order of their keys, as everywhere.
create function switchboard.settle_budgets(of_process bigint, calls bigint[], micros bigint[], tokens bigint[])
    returns void language sql as $$
    with over as (
        select * from unnest(calls, micros, tokens) as o(call, micros, tokens)
    ), gone as (
        delete from switchboard.reservations r using over o
        where r.process = of_process and r.call = o.call
        returning r.budget_id, r.micros, r.tokens, o.micros as paid_micros, o.tokens as paid_tokens
    )
    update switchboard.budgets b
    set held_micros = held_micros - g.micros, held_tokens = held_tokens - g.tokens,
        spent_micros = spent_micros + g.paid_micros, spent_tokens = spent_tokens + g.paid_tokens,
        updated_at = clock_timestamp()
    from (
        select budget_id, sum(micros)::bigint as micros, sum(tokens)::bigint as tokens,
               sum(paid_micros)::bigint as paid_micros, sum(paid_tokens)::bigint as paid_tokens
        from gone group by budget_id
    ) g
    where b.budget_id = g.budget_id
$$;

-- Reservations of owners who were superseded, or whose process is gone: a process holds an advisory
-- lock for as long as it lives.
create view switchboard.stale_reservations as
    select r.* from switchboard.reservations r
    left join switchboard.case_owner o using (case_id)
    where o.epoch > r.epoch or r.process not in (
        select (l.classid::bigint << 32) | l.objid::bigint from pg_locks l
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1
          and l.database = (select d.oid from pg_database d where d.datname = current_database()));
comment on view switchboard.stale_reservations is 'What nobody will settle any more.';

create function switchboard.release_stale() returns bigint language plpgsql as $$
declare
    found bigint[];
    calls bigint;
begin
    found := array(select distinct budget_id from switchboard.stale_reservations);
    if cardinality(found) = 0 then
        return 0;
    end if;
    perform from switchboard.budgets where budget_id = any(found) order by key for update;
    with gone as (
        delete from switchboard.reservations r using switchboard.stale_reservations s
        where (r.process, r.call, r.budget_id) = (s.process, s.call, s.budget_id)
        returning r.budget_id, r.micros, r.tokens
    ), given as (
        update switchboard.budgets b
        set held_micros = held_micros - g.micros, held_tokens = held_tokens - g.tokens,
            updated_at = clock_timestamp()
        from (
            select budget_id, sum(micros)::bigint as micros, sum(tokens)::bigint as tokens
            from gone group by budget_id
        ) g
        where b.budget_id = g.budget_id
    )
    select count(*) into calls from gone;
    return calls;
end $$;
comment on function switchboard.release_stale is 'Gives back what nobody will settle; how many reservations.';

-- What breakers learn, and what opens and closes them; the caller has locked them. A probe that failed opens its breaker again, one
-- that succeeded closes it; one that was never made leaves it to the next call.
create function switchboard.tell_breakers(
    me bigint,
    keys text[], windows integer[], leasts integer[], errors double precision[], slower double precision[],
    least_confidence double precision[], rejections double precision[], cool double precision[],
    s_breaker integer[], s_call bigint[], s_failed boolean[], s_seconds double precision[],
    s_confidence double precision[], s_rejected boolean[]
) returns table (breaker integer, state text, why text) language plpgsql as $$
declare
    moment constant timestamptz := clock_timestamp();
    told record;
    it switchboard.breaker_states;
    share double precision;
    probed record;
begin
    for told in
        select s.breaker,
               array_agg(s.failed order by s.n) filter (where s.failed is not null) as failed,
               array_agg(s.seconds order by s.n) filter (where s.seconds is not null) as seconds,
               array_agg(s.confidence order by s.n) filter (where s.confidence is not null) as confidence,
               array_agg(s.rejected order by s.n) filter (where s.rejected is not null) as rejected
        from unnest(s_breaker, s_failed, s_seconds, s_confidence, s_rejected)
             with ordinality as s(breaker, failed, seconds, confidence, rejected, n)
        group by s.breaker order by keys[s.breaker]
    loop
        select * into it from switchboard.breaker_states b where b.key = keys[told.breaker];
        breaker := told.breaker;
        if it.open_until is not null then
            select s.failed into probed from unnest(s_breaker, s_call, s_failed) as s(breaker, call, failed)
            where s.breaker = told.breaker and array[me, s.call] = it.probe limit 1;
            continue when not found;  -- calls from before it opened say nothing about how it is now
            if probed.failed is null then
                it.probe := null; it.probe_until := null;
            elsif probed.failed then
                it.probe := null; it.probe_until := null; it.why := 'the probe failed';
                it.opened_at := moment; it.opened := it.opened + 1;
                it.open_until := moment + make_interval(secs => cool[told.breaker]);
                state := 'open'; why := it.why; return next;
            else
                it.probe := null; it.probe_until := null; it.open_until := null; it.why := '';
                it.failed := '{}'; it.seconds := '{}'; it.confidence := '{}'; it.rejected := '{}';
                state := 'closed'; why := ''; return next;
            end if;
        else
            -- The last `window` of each; a slice below the first element is empty.
            it.failed := it.failed || coalesce(told.failed, '{}');
            it.failed := it.failed[greatest(1, cardinality(it.failed) - windows[told.breaker] + 1):];
            it.seconds := it.seconds || coalesce(told.seconds, '{}');
            it.seconds := it.seconds[greatest(1, cardinality(it.seconds) - windows[told.breaker] + 1):];
            it.confidence := it.confidence || coalesce(told.confidence, '{}');
            it.confidence :=
                it.confidence[greatest(1, cardinality(it.confidence) - windows[told.breaker] + 1):];
            it.rejected := it.rejected || coalesce(told.rejected, '{}');
            it.rejected := it.rejected[greatest(1, cardinality(it.rejected) - windows[told.breaker] + 1):];
            why := null;
            if cardinality(it.failed) >= leasts[told.breaker] and errors[told.breaker] is not null then
                share := (select avg(f::int) from unnest(it.failed) f);
                if share >= errors[told.breaker] then
                    why := format('%s %% of the last %s calls failed', round(share * 100),
                                  cardinality(it.failed));
                end if;
            end if;
            if why is null and cardinality(it.seconds) >= leasts[told.breaker] then
                share := (select percentile_cont(0.5) within group (order by s) from unnest(it.seconds) s);
                if share >= slower[told.breaker] then
                    why := format('the median of the last %s calls is %s s', cardinality(it.seconds),
                                  round(share::numeric, 2));
                end if;
            end if;
            if why is null and cardinality(it.confidence) >= leasts[told.breaker] then
                share := (select avg(c) from unnest(it.confidence) c);
                if share < least_confidence[told.breaker] then
                    why := format('the mean confidence of the last %s calls is %s',
                                  cardinality(it.confidence), round(share::numeric, 2));
                end if;
            end if;
            if why is null and cardinality(it.rejected) >= leasts[told.breaker] then
                share := (select avg(r::int) from unnest(it.rejected) r);
                if share >= rejections[told.breaker] then
                    why := format('%s %% of the last %s decisions rejected it', round(share * 100),
                                  cardinality(it.rejected));
                end if;
            end if;
            if why is not null then
                it.why := why; it.opened_at := moment; it.opened := it.opened + 1;
                it.open_until := moment + make_interval(secs => cool[told.breaker]);
                state := 'open'; return next;
            end if;
        end if;
        update switchboard.breaker_states b
        set (open_until, probe_until, probe, opened_at, opened, why, failed, seconds, confidence, rejected)
          = (it.open_until, it.probe_until, it.probe, it.opened_at, it.opened, it.why, it.failed, it.seconds,
             it.confidence, it.rejected)
        where b.key = it.key;
    end loop;
end $$;

-- One turn: everything that the calls of one process ask for, in one statement and one commit. Locks are
-- taken in one order by everybody: budgets, then buckets, then breakers, each by key.
--
-- b_*: the budgets that are named. d_*: calls that are over; their cost is counted where they still hold
-- something. f_*: cases that are driven under a new epoch. r_*: buckets. k_*: breakers. c_*: the calls,
-- in the order in which they came, with the numbers of their bucket and breaker (0: none); l_*: the
-- budgets of each call, by the numbers of both. s_*: what breakers are told, before anybody asks them.
--
-- A call is let through by all or by none: verdict 0 go, 1 breaker, 2 budget, 3 rate; `which` is the
-- number of whoever refused, `wait` the seconds until its turn, or until it may be tried again.
create function switchboard.limits_turn(
    me bigint,
    b_key text[], b_scope text[], b_subject text[], b_day text[], b_micros bigint[], b_tokens bigint[],
    d_call bigint[], d_micros bigint[], d_tokens bigint[],
    f_case text[], f_epoch bigint[],
    r_key text[], r_rate double precision[], r_burst double precision[],
    k_key text[], k_cool double precision[],
    c_call bigint[], c_case text[], c_epoch bigint[], c_micros bigint[], c_tokens bigint[],
    c_rate integer[], c_patience double precision[], c_breaker integer[],
    l_call integer[], l_budget integer[],
    k_window integer[], k_least integer[], k_errors double precision[], k_slower double precision[],
    k_confidence double precision[], k_rejections double precision[],
    s_breaker integer[], s_call bigint[], s_failed boolean[], s_seconds double precision[],
    s_confidence double precision[], s_rejected boolean[],
    out verdict smallint[], out which integer[], out wait double precision[], out probe boolean[],
    out taken_micros bigint[], out taken_tokens bigint[], out changes jsonb
) language plpgsql
set enable_seqscan = off  -- plans are kept from when the tables were empty
as $$
declare
    endless constant bigint := 4611686018427387904;
    now_at constant double precision := extract(epoch from clock_timestamp());
    calls constant integer := cardinality(c_call);
    budgets constant integer := cardinality(b_key);
    lines constant integer := cardinality(l_call);
    stale bigint[] := '{}';
    ids bigint[];
    had_micros bigint[];
    had_tokens bigint[];
    left_micros bigint[];
    left_tokens bigint[];
    full_ats double precision[];
    closed boolean[];
    retry double precision[];
    first integer := 1;
    line integer;
    b integer;
    r integer;
    k integer;
    due double precision;
    pause double precision;
    refused smallint;
begin
    if cardinality(f_case) > 0 then
        stale := array(
            select distinct s.budget_id from switchboard.reservations s
            join unnest(f_case, f_epoch) as f(case_id, epoch) using (case_id) where s.epoch < f.epoch);
    end if;
    if budgets > 0 or cardinality(stale) > 0 then
        if (select count(*) from switchboard.budgets where key = any(b_key)) < budgets then
            insert into switchboard.budgets (key, scope, subject, day, limit_micros, limit_tokens)
            select n.key, n.scope, n.subject, nullif(n.day, '')::date, n.micros, n.tokens
            from unnest(b_key, b_scope, b_subject, b_day, b_micros, b_tokens)
                as n(key, scope, subject, day, micros, tokens)
            order by n.key on conflict do nothing;
        end if;
        perform from switchboard.budgets where key = any(b_key) or budget_id = any(stale)
        order by key for update;
        if cardinality(stale) > 0 then
            with gone as (
                delete from switchboard.reservations s using unnest(f_case, f_epoch) as f(case_id, epoch)
                where s.case_id = f.case_id and s.epoch < f.epoch
                returning s.budget_id, s.micros, s.tokens
            )
            update switchboard.budgets o
            set held_micros = held_micros - g.micros, held_tokens = held_tokens - g.tokens
            from (
                select budget_id, sum(micros)::bigint as micros, sum(tokens)::bigint as tokens
                from gone group by budget_id
            ) g
            where o.budget_id = g.budget_id;
        end if;
        if cardinality(d_call) > 0 then
            perform switchboard.settle_budgets(me, d_call, d_micros, d_tokens);
        end if;
        select array_agg(o.budget_id order by n.n),
               array_agg(o.spent_micros + o.held_micros order by n.n),
               array_agg(o.spent_tokens + o.held_tokens order by n.n),
               array_agg(coalesce(n.micros, endless) - o.spent_micros - o.held_micros order by n.n),
               array_agg(coalesce(n.tokens, endless) - o.spent_tokens - o.held_tokens order by n.n)
        into ids, had_micros, had_tokens, left_micros, left_tokens
        from unnest(b_key, b_micros, b_tokens) with ordinality as n(key, micros, tokens, n)
        join switchboard.budgets o using (key);
    end if;
    if cardinality(r_key) > 0 then
        insert into switchboard.buckets (key, per_second, burst, full_at)
        select n.key, n.rate, n.burst, 0 from unnest(r_key, r_rate, r_burst) as n(key, rate, burst)
        where not exists (select from switchboard.buckets o where o.key = n.key)
        order by n.key on conflict do nothing;
        perform from switchboard.buckets where key = any(r_key) order by key for update;
        full_ats := array(
            select greatest(o.full_at, now_at) from unnest(r_key) with ordinality as n(key, n)
            join switchboard.buckets o using (key) order by n.n);
    end if;
    if cardinality(k_key) > 0 then
        -- A breaker that is closed is only read: the calls of a healthy agent lock and write nothing here.
        if cardinality(s_breaker) > 0 then
            insert into switchboard.breaker_states (key)
            select distinct k_key[s.breaker] from unnest(s_breaker) as s(breaker)
            order by 1 on conflict do nothing;
        end if;
        if cardinality(s_breaker) > 0
            or exists (select from switchboard.breaker_states where key = any(k_key) and open_until is not null)
        then
            perform from switchboard.breaker_states where key = any(k_key)
                and (open_until is not null or key in (select k_key[s.breaker] from unnest(s_breaker) as s(breaker)))
            order by key for update;
        end if;
        if cardinality(s_breaker) > 0 then
            select jsonb_agg(to_jsonb(t)) into changes from switchboard.tell_breakers(
                me, k_key, k_window, k_least, k_errors, k_slower, k_confidence, k_rejections, k_cool,
                s_breaker, s_call, s_failed, s_seconds, s_confidence, s_rejected) t;
        end if;
        select array_agg(o.open_until is null order by n.n),
               array_agg(extract(epoch from greatest(o.open_until, o.probe_until))::float8 - now_at order by n.n)
        into closed, retry
        from unnest(k_key) with ordinality as n(key, n)
        left join switchboard.breaker_states o using (key);
    end if;
    verdict := array_fill(0::smallint, array[calls]);
    which := array_fill(0, array[calls]);
    wait := array_fill(0::float8, array[calls]);
    probe := array_fill(false, array[calls]);
    taken_micros := array_fill(0::bigint, array[calls]);
    taken_tokens := array_fill(0::bigint, array[calls]);
    for i in 1 .. calls loop
        refused := 0;
        k := c_breaker[i];
        if k > 0 and not closed[k] and retry[k] > 0 then
            refused := 1; which[i] := k; wait[i] := retry[k];
        end if;
        line := first;
        if refused = 0 then
            while line <= lines and l_call[line] = i loop
                b := l_budget[line];
                if c_micros[i] > left_micros[b] or c_tokens[i] > left_tokens[b] then
                    refused := 2; which[i] := b;
                    taken_micros[i] := coalesce(b_micros[b], endless) - left_micros[b];
                    taken_tokens[i] := coalesce(b_tokens[b], endless) - left_tokens[b];
                    exit;
                end if;
                line := line + 1;
            end loop;
        end if;
        r := c_rate[i];
        if refused = 0 and r > 0 then
            due := full_ats[r];
            pause := greatest(0, due - now_at - (r_burst[r] - 1) / r_rate[r]);
            wait[i] := pause;
            if pause > c_patience[i] then
                refused := 3; which[i] := r;
            else
                full_ats[r] := due + 1 / r_rate[r];
            end if;
        end if;
        if refused = 0 then
            line := first;
            while line <= lines and l_call[line] = i loop
                b := l_budget[line];
                left_micros[b] := left_micros[b] - c_micros[i];
                left_tokens[b] := left_tokens[b] - c_tokens[i];
                line := line + 1;
            end loop;
            if k > 0 and not closed[k] then
                probe[i] := true;
                retry[k] := greatest(k_cool[k], 60);  -- if nobody hears of the probe again, another may try
                update switchboard.breaker_states
                set probe = array[me, c_call[i]],
                    probe_until = clock_timestamp() + make_interval(secs => retry[k])
                where key = k_key[k];
            end if;
        else
            verdict[i] := refused;
        end if;
        while first <= lines and l_call[first] = i loop
            first := first + 1;
        end loop;
    end loop;
    if lines > 0 then
        insert into switchboard.reservations (process, call, budget_id, case_id, epoch, micros, tokens)
        select me, c.call, ids[l.budget], c.case_id, c.epoch, c.micros, c.tokens
        from unnest(l_call, l_budget) as l(call, budget)
        join unnest(c_call, c_case, c_epoch, c_micros, c_tokens, verdict)
             with ordinality as c(call, case_id, epoch, micros, tokens, verdict, n) on c.n = l.call
        where c.verdict = 0;
        update switchboard.budgets o
        set held_micros = held_micros + n.micros, held_tokens = held_tokens + n.tokens,
            limit_micros = n.limit_micros, limit_tokens = n.limit_tokens, updated_at = clock_timestamp()
        from (
            select u.id, coalesce(u.limit_micros, endless) - u.had_micros - u.left_micros as micros,
                   coalesce(u.limit_tokens, endless) - u.had_tokens - u.left_tokens as tokens,
                   u.limit_micros, u.limit_tokens
            from unnest(ids, b_micros, b_tokens, had_micros, had_tokens, left_micros, left_tokens)
                 as u(id, limit_micros, limit_tokens, had_micros, had_tokens, left_micros, left_tokens)
        ) n
        where o.budget_id = n.id and (n.micros > 0 or n.tokens > 0);
    end if;
    if cardinality(r_key) > 0 then
        update switchboard.buckets o set full_at = n.full_at, per_second = n.rate, burst = n.burst
        from unnest(r_key, r_rate, r_burst, full_ats) as n(key, rate, burst, full_at) where o.key = n.key;
    end if;
end $$;
comment on function switchboard.limits_turn is 'May these calls go now? All waiting calls of a process at once.';

-- Costs: how many steps asked a model, and of how many nobody knows what it cost. An unknown price adds
-- nothing to the sum, so it is counted beside it.
create or replace view switchboard.costs as
    select paid.day, paid.agent, c.flow, paid.case_id, sum(paid.steps) as steps,
           coalesce(sum(paid.input_tokens), 0) as input_tokens,
           coalesce(sum(paid.output_tokens), 0) as output_tokens, coalesce(sum(paid.cost_usd), 0) as cost_usd,
           coalesce(sum(paid.asked), 0) as asked, coalesce(sum(paid.unknown), 0) as unknown
    from (
        select (at at time zone 'UTC')::date as day, data ->> 'agent' as agent, case_id, 1::bigint as steps,
               (data ->> 'input_tokens')::bigint as input_tokens,
               (data ->> 'output_tokens')::bigint as output_tokens, (data ->> 'cost_usd')::numeric as cost_usd,
               (data ? 'model')::int::bigint as asked,
               (data ? 'model' and not data ? 'cost_usd')::int::bigint as unknown
        from switchboard.ledger where kind <> 'payload_erased' and data ? 'agent'
        union all
        select s.day, s.agent, l.case_id, s.steps, s.input_tokens, s.output_tokens, s.cost_usd, s.asked,
               s.unknown
        from switchboard.ledger l cross join lateral jsonb_to_recordset(l.data -> 'spent') as s(
            day date, agent text, steps bigint, input_tokens bigint, output_tokens bigint, cost_usd numeric,
            asked bigint, unknown bigint)
        where l.kind = 'payload_erased'
    ) paid left join switchboard.cases c on c.case_id = paid.case_id
    group by 1, 2, 3, 4;
comment on view switchboard.costs is
    'What was spent, by day (UTC), agent, flow and case; erasing changes no sum. cost_usd is what is known: '
    'of the steps that asked a model, nobody knows what the unknown ones cost.';

-- As in 0003, and what nobody knows the price of stays known as that.
create or replace function switchboard.erase_payloads(case_ids text[], erased_by text) returns bigint
    language plpgsql set search_path = pg_catalog, pg_temp set switchboard.ledger_may = 'erase' as $$
declare
    moment constant timestamptz := clock_timestamp();
    erased bigint;
begin
    insert into switchboard.ledger (case_id, namespace, task_id, ordinal, kind, step, at, data, moves)
    select c.case_id, '', 'erasure ' || gen_random_uuid(), 0, 'payload_erased', '', moment,
           jsonb_build_object('by', erased_by, 'entries', paid.entries, 'spent', paid.spent),
           case when c.ended_at is null then jsonb_build_object(
               'status', 'declined', 'reason', 'erased', 'updated_at', moment, 'ended_at', moment) end
    from switchboard.cases c
    cross join lateral (
        select coalesce(sum(a.entries), 0)::bigint as entries,
               coalesce(jsonb_agg(to_jsonb(a) - 'entries') filter (where a.agent is not null), '[]') as spent
        from (
            select l.data ->> 'agent' as agent, (l.at at time zone 'UTC')::date as day,
                   count(*) as entries, count(*) as steps,
                   sum((l.data ->> 'input_tokens')::bigint) as input_tokens,
                   sum((l.data ->> 'output_tokens')::bigint) as output_tokens,
                   sum((l.data ->> 'cost_usd')::numeric) as cost_usd,
                   count(*) filter (where l.data ? 'model') as asked,
                   count(*) filter (where l.data ? 'model' and not l.data ? 'cost_usd') as unknown
            from switchboard.ledger l
            where l.case_id = c.case_id and l.erased_at is null and l.kind <> 'payload_erased'
            group by 1, 2
        ) a
    ) paid
    where c.case_id = any(erase_payloads.case_ids)
    order by c.case_id;
    update switchboard.ledger l
    set data = null, moves = null, salt = null, erased_at = moment, erased_by = erase_payloads.erased_by
    where l.case_id = any(erase_payloads.case_ids) and l.erased_at is null and l.kind <> 'payload_erased';
    get diagnostics erased = row_count;
    return erased;
end $$;

-- The agent that a case was given to last; who was never routed has none.
create view switchboard.routes as
    select distinct on (case_id) case_id, data ->> 'goto' as route
    from switchboard.ledger where kind = 'routed' order by case_id, place desc;
comment on view switchboard.routes is 'Whom the supervisor of each case chose last.';
