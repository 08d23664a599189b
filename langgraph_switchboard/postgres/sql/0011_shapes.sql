-- Branches: a case that stands on several steps at once.
--
-- A step in a branch says where its branch stands, and the row of the case follows from all of them.
-- `langgraph_switchboard/cases/branches.py` sums up in the same way; whoever changes one changes both.

alter table switchboard.cases add column branches jsonb not null default '{}';
comment on column switchboard.cases.branches is
    'Where each branch stands, by its path; empty while there is only one.';

-- What the branches come to: at work if one is, else waiting if one is, else delayed, else set aside.
-- One that has parted itself is at work between the end of its last branch and its join.
create function switchboard.standing_of(branches jsonb) returns jsonb language sql immutable as $$
    select branch.value
    from (
        select b.key, case when b.value ->> 'status' = 'parted'
                           then b.value || '{"status": "running"}' else b.value end as value
        from jsonb_each(branches) b
        where b.value ->> 'status' <> 'parted' or not exists (
            select from jsonb_object_keys(branches) k
            where k <> b.key and (b.key = '' or starts_with(k, b.key || '/')))
    ) branch
    order by array_position(array['running', 'waiting', 'delayed', 'dead_lettered'], branch.value ->> 'status'),
             branch.key collate "C"
    limit 1
$$;
comment on function switchboard.standing_of is 'Status and step of a case that stands on several steps.';

-- Of one that has come together nothing is left that was within it.
create function switchboard.left_standing(branches jsonb, said jsonb) returns jsonb
    language sql immutable as $$
    select coalesce(jsonb_object_agg(b.key, b.value), '{}')
    from jsonb_each(coalesce(branches, '{}')) b
    where not exists (
        select from jsonb_each(said) s
        where s.value ->> 'status' is distinct from 'parted' and b.key <> s.key
          and (s.key = '' or starts_with(b.key, s.key || '/')))
$$;
comment on function switchboard.left_standing is 'The branches of a case that outlast a change of some of them.';

create or replace function switchboard.move_cases() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not exists (select from fresh where moves is not null) then
        return null;
    end if;
    -- Planned anew each time: a plan from when the table was small would read it whole later on.
    -- Column by column: jsonb_populate_record takes more time than all the rest.
    execute $move$
        insert into switchboard.cases as c
        select moved.case_id,
               coalesce(standing.flow, moves ->> 'flow'),
               coalesce(standing.blueprint_version, (moves ->> 'blueprint_version')::integer),
               coalesce(standing.blueprint_digest, moves ->> 'blueprint_digest'),
               coalesce(summed ->> 'status',
                        case when moves ? 'status' then moves ->> 'status' else standing.status end),
               coalesce(summed ->> 'step',
                        case when moves ? 'step' then moves ->> 'step' else standing.step end),
               coalesce(standing.input, moves -> 'input'),
               coalesce(standing.labels, moves -> 'labels'),
               case when moves ? 'reason' then moves ->> 'reason' else standing.reason end,
               coalesce(standing.created_at, (moves ->> 'created_at')::timestamptz),
               case when moves ? 'updated_at'
                    then (moves ->> 'updated_at')::timestamptz else standing.updated_at end,
               case when moves ? 'ended_at'
                    then (moves ->> 'ended_at')::timestamptz else standing.ended_at end,
               alive
        from (
            select f.case_id, jsonb_object_agg(m.key, m.value order by f.place) as moves
            from fresh f cross join lateral jsonb_each(f.moves) as m
            group by f.case_id
        ) as moved
        left join switchboard.cases standing on standing.case_id = moved.case_id
        cross join lateral (
            select case when branching is null then coalesce(standing.branches, '{}')
                        else jsonb_strip_nulls(switchboard.left_standing(standing.branches, branching)
                                               || branching) end as alive
            from (
                select jsonb_object_agg(substr(m.key, 8), m.value) filter (where starts_with(m.key, 'branch:'))
                       as branching
                from jsonb_each(moves) m
            ) said
        ) as branched
        cross join lateral (
            -- A case that has ended is not at work, whatever its branches were doing.
            select case when alive = '{}' or moves ->> 'ended_at' is not null then null
                        else switchboard.standing_of(alive) end as summed
        ) as came_to
        order by moved.case_id
        on conflict (case_id) do update set
            status = excluded.status,
            step = excluded.step,
            reason = excluded.reason,
            updated_at = excluded.updated_at,
            ended_at = excluded.ended_at,
            branches = excluded.branches
    $move$;
    return null;
end $$;
