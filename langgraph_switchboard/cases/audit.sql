-- Reading the ledger for its verification, some cases at a time.

-- name: cases_from
-- The next cases of whom anything is left: entries, links, or heads in a root. An empty id is an id too.
select case_id from (
    (select distinct case_id from switchboard.ledger
     where case_id >= %(last)s and (%(first)s or case_id <> %(last)s) order by 1 limit %(limit)s)
    union
    (select distinct case_id from switchboard.ledger_chain
     where case_id >= %(last)s and (%(first)s or case_id <> %(last)s) order by 1 limit %(limit)s)
    union
    (select distinct case_id from switchboard.ledger_seals
     where case_id >= %(last)s and (%(first)s or case_id <> %(last)s) order by 1 limit %(limit)s)
) any_trace
order by case_id limit %(limit)s;

-- name: links
select case_id, c.number, c.place as link_place, c.digest, c.hash, l.place, l.namespace, l.task_id,
       l.ordinal, l.kind, l.step, l.at, l.seconds, l.salt, l.data::text as data, l.moves::text as moves,
       l.erased_at is not null as erased
from (select * from switchboard.ledger_chain where case_id = any(%(case_ids)s)) c
full join (select * from switchboard.ledger where case_id = any(%(case_ids)s)) l using (case_id, place)
order by case_id, c.number, l.place;

-- name: seals
select root, case_id, number, hash from switchboard.ledger_seals
where case_id = any(%(case_ids)s) order by case_id, root;

-- name: roots
select root, at, cases, entries, hash from switchboard.ledger_roots order by root;

-- name: all_seals
select root, case_id, number, hash from switchboard.ledger_seals order by root, case_id collate "C";

-- name: seal
select * from switchboard.seal_ledger();
