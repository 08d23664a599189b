-- The ledger as a record that can be trusted: chained per case, sealed, append-only, erasable.
--
-- An entry's payload is `data` and `moves`. What is chained is a salted digest of the payload, so
-- that the payload can go and the chain still holds. `langgraph_switchboard/ledger/verify.py`
-- computes the same hashes in Python; whoever changes one changes both.

alter table switchboard.ledger
    alter column data drop not null,
    add column salt bytea default uuid_send(gen_random_uuid()),
    add column xid xid8 not null default pg_current_xact_id(),
    add column erased_at timestamptz,
    add column erased_by text,
    add check (case when erased_at is null then data is not null and salt is not null and erased_by is null
               else data is null and moves is null and salt is null and erased_by is not null end);
comment on column switchboard.ledger.salt is
    'Random, part of the digest: without it nobody can find out an erased payload by guessing.';
comment on column switchboard.ledger.xid is
    'The transaction that wrote it: places are drawn before the commit, so they are not in its order.';
create index ledger_in_commit_order on switchboard.ledger (xid, place);

create table switchboard.ledger_chain (
    case_id  text not null,
    number   bigint not null,
    place    bigint not null,
    digest   bytea not null,
    hash     bytea not null,
    primary key (case_id, number)
);
comment on table switchboard.ledger_chain is
    'One row per entry of the ledger: number counts a case''s entries from 1, and hash covers the entry '
    'and the hash before it.';

create function switchboard.link_on(state bytea, head bytea, link text) returns bytea
    language plpgsql immutable parallel safe as $$
begin
    return sha256(coalesce(state, head) || convert_to(link, 'UTF8'));
end $$;
create aggregate switchboard.chained(head bytea, link text) (sfunc = switchboard.link_on, stype = bytea);
comment on aggregate switchboard.chained(bytea, text) is 'Every link is hashed onto the hash before it.';

-- Written out without a word that depends on a session's settings (time zone, digits of a float).
create function switchboard.ledger_link(
    case_id text, number bigint, namespace text, task_id text, ordinal integer, place bigint, kind text,
    step text, at timestamptz, seconds double precision, digest bytea
) returns text language sql stable as $$
    select json_build_array(
        case_id, number, namespace, task_id, ordinal, place, kind, step,
        (extract(epoch from at) * 1000000)::bigint, encode(float8send(seconds), 'hex'),
        encode(digest, 'hex'))::text
$$;
create function switchboard.payload_digest(salt bytea, data jsonb, moves jsonb) returns bytea
    language sql stable as $$
    select sha256(salt || convert_to(data::text || E'\n' || coalesce(moves::text, ''), 'UTF8'))
$$;

-- Whoever inserts gets the chain. Cases do not wait for each other: each has a chain of its own. Two
-- writers of one case that commit at once draw the same number; the later one fails with 40001
-- (serialization_failure), which is retried like any other, and then chains behind the first.
create function switchboard.chain_ledger() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from fresh) then
        return null;
    end if;
    -- Planned anew each time: a plan from when the chain was short would read it whole later on.
    execute $chain$
        with entry as materialized (
            select case_id, namespace, task_id, ordinal, place, kind, step, at, seconds,
                   switchboard.payload_digest(salt, data, moves) as digest
            from fresh
        ), head as materialized (
            select c.case_id, h.number, h.hash
            from (select distinct case_id from entry) c
            cross join lateral (
                select number, hash from switchboard.ledger_chain
                where case_id = c.case_id order by number desc limit 1
            ) h
        ), numbered as (
            select e.*, head.hash as head,
                   coalesce(head.number, 0)
                   + row_number() over (partition by e.case_id order by e.place) as number
            from entry e left join head on head.case_id = e.case_id
        )
        insert into switchboard.ledger_chain (case_id, number, place, digest, hash)
        select case_id, number, place, digest,
               switchboard.chained(coalesce(head, ''), switchboard.ledger_link(case_id, number, namespace,
                   task_id, ordinal, place, kind, step, at, seconds, digest))
               over (partition by case_id order by number)
        from numbered order by case_id, number
    $chain$;
    return null;
exception when unique_violation then
    raise exception 'another writer of a case was faster' using errcode = 'serialization_failure';
end $$;
create trigger ledger_chained after insert on switchboard.ledger
    referencing new table as fresh for each statement
    execute function switchboard.chain_ledger();

-- A login that may only insert into the ledger still moves the cases.
alter function switchboard.move_cases() security definer;
alter function switchboard.move_cases() set search_path = pg_catalog, pg_temp;

-- Entries from before this migration.
insert into switchboard.ledger_chain (case_id, number, place, digest, hash)
select case_id, number, place, digest,
       switchboard.chained('', switchboard.ledger_link(case_id, number, namespace, task_id, ordinal, place,
           kind, step, at, seconds, digest))
       over (partition by case_id order by number)
from (
    select *, switchboard.payload_digest(salt, data, moves) as digest,
           row_number() over (partition by case_id order by place) as number
    from switchboard.ledger
) numbered;

-- Roots: what the chains looked like at a moment, so that a chain that was cut off is found out.

create table switchboard.ledger_roots (
    root     bigint primary key,
    at       timestamptz not null,
    cases    bigint not null,
    entries  bigint not null,
    hash     bytea not null
);
comment on table switchboard.ledger_roots is
    'Seals: hash covers the heads of the cases that moved since the root before, and that root. Kept '
    'elsewhere as well, it proves everything before it. cases and entries count what is new.';
create table switchboard.ledger_seals (
    case_id  text not null,
    root     bigint not null,
    number   bigint not null,
    hash     bytea not null,
    primary key (case_id, root)
);
comment on table switchboard.ledger_seals is 'The heads that a root covers: this case had so many entries.';

create function switchboard.seal_ledger() returns switchboard.ledger_roots
    language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    before switchboard.ledger_roots;
    made switchboard.ledger_roots;
    heads bytea;
begin
    lock table switchboard.ledger_roots in share row exclusive mode;
    select * into before from switchboard.ledger_roots order by root desc limit 1;
    made.root := coalesce(before.root, 0) + 1;
    made.at := clock_timestamp();
    with head as (
        select distinct on (case_id) case_id, number, hash
        from switchboard.ledger_chain order by case_id, number desc
    ), old as (
        select case_id, max(number) as number from switchboard.ledger_seals group by case_id
    ), moved as (
        select head.*, head.number - coalesce(old.number, 0) as more
        from head left join old using (case_id)
        where head.number > coalesce(old.number, 0)
    ), sealed as (
        insert into switchboard.ledger_seals (case_id, root, number, hash)
        select case_id, made.root, number, hash from moved
    )
    select count(*), coalesce(sum(more), 0),
           switchboard.chained(coalesce(before.hash, ''),
               json_build_array(case_id, number, encode(hash, 'hex'))::text order by case_id collate "C")
    into made.cases, made.entries, heads from moved;
    made.hash := switchboard.link_on(heads, coalesce(before.hash, ''), json_build_array(
        made.root, (extract(epoch from made.at) * 1000000)::bigint, made.cases, made.entries)::text);
    insert into switchboard.ledger_roots select made.*;
    return made;
end $$;

-- Append-only, for its owner too. The two functions below may change what they say, and no more.

create function switchboard.refuse_change() returns trigger language plpgsql as $$
declare
    may constant text := coalesce(current_setting('switchboard.ledger_may', true), '');
begin
    if tg_op = 'UPDATE' and tg_table_name = 'ledger' then
        if may = 'erase' and old.erased_at is null and new.erased_at is not null
            and (new.case_id, new.namespace, new.task_id, new.ordinal, new.place, new.kind, new.step, new.at,
                 new.xid)
              = (old.case_id, old.namespace, old.task_id, old.ordinal, old.place, old.kind, old.step, old.at,
                 old.xid)
            and new.seconds is not distinct from old.seconds then
            return new;
        end if;
        if may = 'adopt' and to_jsonb(new) - 'xid' = to_jsonb(old) - 'xid' then
            return new;
        end if;
    end if;
    raise exception 'the ledger is added to, never changed' using errcode = 'SB002',
        detail = format('%s on %I', tg_op, tg_table_name);
end $$;
comment on function switchboard.refuse_change is 'What stands in the ledger stays (SB002).';

do $$
declare
    name text;
begin
    foreach name in array array['ledger', 'ledger_chain', 'ledger_roots', 'ledger_seals'] loop
        execute format('create trigger append_only before update or delete on switchboard.%I
            for each row execute function switchboard.refuse_change()', name);
        execute format('create trigger append_only_as_a_whole before truncate on switchboard.%I
            for each statement execute function switchboard.refuse_change()', name);
    end loop;
end $$;

-- Erasing the payloads of cases, with an entry of its own that says so. What was spent is no
-- personal data: it moves into that entry, so that no bill changes. A case that was still open ends.
create function switchboard.erase_payloads(case_ids text[], erased_by text) returns bigint
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
                   sum((l.data ->> 'cost_usd')::numeric) as cost_usd
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

-- After a restore into another cluster the transaction numbers mean nothing: call this once, and let
-- followers of the tail begin again.
create function switchboard.adopt_ledger() returns bigint
    language plpgsql set search_path = pg_catalog, pg_temp set switchboard.ledger_may = 'adopt' as $$
declare
    adopted bigint;
begin
    update switchboard.ledger set xid = '0' where xid <> '0';
    get diagnostics adopted = row_count;
    return adopted;
end $$;

revoke all on function switchboard.erase_payloads(text[], text), switchboard.seal_ledger(),
    switchboard.adopt_ledger() from public;

create view switchboard.ledger_tail as
    select xid, place, case_id, namespace, task_id, ordinal, kind, step, at, seconds, data, erased_at
    from switchboard.ledger
    where xid < pg_snapshot_xmin(pg_current_snapshot());
comment on view switchboard.ledger_tail is
    'For readers that follow the ledger: read where (xid, place) is above the last one seen, in that order. '
    'Entries appear once no older transaction can still add to what lies before them.';

create view switchboard.decisions as
    select l.case_id, r.flow, l.step, r.subject, l.data ->> 'type' as decision, l.data ->> 'by' as decided_by,
           l.data ->> 'message' as message, r.opened_at, l.at as decided_at, l.at - r.opened_at as waited,
           r.due_at is not null and l.at > r.due_at as late
    from switchboard.ledger l
    left join switchboard.reviews r on r.review_id = l.data ->> 'review_id'
    where l.kind = 'review_decided';
comment on view switchboard.decisions is 'What people decided, and how long each case waited for it.';

create view switchboard.costs as
    select paid.day, paid.agent, c.flow, paid.case_id, sum(paid.steps) as steps,
           coalesce(sum(paid.input_tokens), 0) as input_tokens,
           coalesce(sum(paid.output_tokens), 0) as output_tokens, coalesce(sum(paid.cost_usd), 0) as cost_usd
    from (
        select (at at time zone 'UTC')::date as day, data ->> 'agent' as agent, case_id, 1::bigint as steps,
               (data ->> 'input_tokens')::bigint as input_tokens,
               (data ->> 'output_tokens')::bigint as output_tokens, (data ->> 'cost_usd')::numeric as cost_usd
        from switchboard.ledger where kind <> 'payload_erased' and data ? 'agent'
        union all
        select s.day, s.agent, l.case_id, s.steps, s.input_tokens, s.output_tokens, s.cost_usd
        from switchboard.ledger l cross join lateral jsonb_to_recordset(l.data -> 'spent') as s(
            day date, agent text, steps bigint, input_tokens bigint, output_tokens bigint, cost_usd numeric)
        where l.kind = 'payload_erased'
    ) paid left join switchboard.cases c on c.case_id = paid.case_id
    group by 1, 2, 3, 4;
comment on view switchboard.costs is 'What was spent, by day (UTC), agent, flow and case; erasing changes no sum.';

-- Retention goes through the ended cases from the oldest on.
create index cases_ended on switchboard.cases (ended_at, case_id) where status in ('finished', 'declined');
