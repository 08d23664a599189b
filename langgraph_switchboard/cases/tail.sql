-- The end of the ledger, for those who follow it.

-- name: tail
-- In the order of commits, and only what no older transaction can still add something in front of.
select t.xid::text::bigint as xid, t.place, t.case_id, c.flow, t.kind, t.step, t.at, t.seconds,
       coalesce(t.data, '{}') as data
from switchboard.ledger_tail t left join switchboard.cases c using (case_id)
where (t.xid, t.place) > (%(xid)s::text::xid8, %(place)s::bigint)
order by t.xid, t.place
limit %(limit)s;

-- name: tail_end
-- The last place that can be read by now. After a restore into another cluster the numbers of its
-- transactions begin anew; whoever followed the former one finds himself ahead of `next` here.
select coalesce(l.xid::text::bigint, 0) as xid, coalesce(l.place, 0) as place,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next
from (select 1) one left join lateral (
    select xid, place from switchboard.ledger_tail order by xid desc, place desc limit 1
) l on true;

-- name: listen
insert into switchboard.listeners (listener, until)
values (%(listener)s, clock_timestamp() + make_interval(secs => %(seconds)s))
on conflict (listener) do update set until = excluded.until;

-- name: listen_no_more
delete from switchboard.listeners where listener = %(listener)s or until < clock_timestamp();
