-- Subscriptions, and what is on its way to them.

-- name: subscribe
insert into switchboard.subscriptions
    (subscription_id, url, secret, kinds, flows, created_at, created_by, xid, place)
values (%(subscription_id)s, %(url)s, %(secret)s, %(kinds)s::text[], %(flows)s::text[], %(created_at)s,
    %(created_by)s, %(xid)s::text::xid8, %(place)s);

-- name: unsubscribe
delete from switchboard.subscriptions where subscription_id = %(subscription_id)s returning subscription_id;

-- name: subscriptions
select subscription_id, url, secret, kinds, flows, created_at, created_by, xid::text::bigint as xid, place,
       stopped_at, stopped_why
from switchboard.subscriptions order by created_at, subscription_id;

-- name: stop
update switchboard.subscriptions set stopped_at = %(at)s, stopped_why = %(why)s
where subscription_id = %(subscription_id)s and stopped_at is null;

-- name: enqueue
-- Compare-and-set on the place: of several processes one puts these events on their way.
with moved as (
    update switchboard.subscriptions set xid = %(xid)s::text::xid8, place = %(place)s
    where subscription_id = %(subscription_id)s
      and xid = %(before_xid)s::text::xid8 and place = %(before_place)s
    returning subscription_id
), put as (
    insert into switchboard.deliveries (subscription_id, event_id, body, next_at)
    select moved.subscription_id, e.event_id, e.body, %(now)s
    from moved cross join unnest(%(event_ids)s::text[], %(bodies)s::text[]) as e(event_id, body)
    on conflict do nothing
)
select subscription_id from moved;

-- name: take
update switchboard.deliveries d set next_at = %(until)s
from (
    select w.subscription_id, w.event_id, w.next_at from switchboard.deliveries w
    join switchboard.subscriptions s using (subscription_id)
    where w.next_at <= %(now)s and w.delivered_at is null and w.given_up_at is null and s.stopped_at is null
    order by w.next_at, w.event_id
    limit %(limit)s
    for update of w skip locked
) due
where d.subscription_id = due.subscription_id and d.event_id = due.event_id
returning d.subscription_id, d.event_id, d.body, d.attempts, d.next_at, d.delivered_at, d.given_up_at, d.said;

-- name: settle_delivery
update switchboard.deliveries
set attempts = attempts + 1, said = %(said)s, next_at = coalesce(%(again_at)s::timestamptz, next_at),
    delivered_at = case when %(done)s then %(now)s::timestamptz end,
    given_up_at = case when not %(done)s and %(again_at)s::timestamptz is null then %(now)s::timestamptz end
where subscription_id = %(subscription_id)s and event_id = %(event_id)s and delivered_at is null;

-- name: counts
select subscription_id,
       count(*) filter (where delivered_at is null and given_up_at is null) as waiting,
       count(*) filter (where given_up_at is not null) as lost
from switchboard.deliveries group by 1;

-- name: tidy_deliveries
delete from switchboard.deliveries where coalesce(delivered_at, given_up_at) < %(before)s
returning event_id;
