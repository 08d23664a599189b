-- A database full of cases and reviews.

-- name: cases
insert into switchboard.cases (case_id, flow, blueprint_version, blueprint_digest, status, step, input, labels,
                               reason, created_at, updated_at, ended_at)
select 'case-' || lpad(n::text, 7, '0'), case when n %% 4 = 0 then 'claims' else 'letters' end, 1, 'x',
       case when n <= %(waiting)s then 'waiting' when n %% 97 = 0 then 'dead_lettered'
            when n %% 31 = 0 then 'declined' else 'finished' end,
       'review', jsonb_build_object('letter', jsonb_build_object(
           'text', 'Where is parcel number ' || n || '? I have waited since last week.', 'sender', 'C-' || n)),
       jsonb_build_object('batch', 'b' || n %% 50), 'confidence 0.40 is under 0.80',
       now() - n * interval '1 minute', now() - n * interval '1 minute',
       case when n > %(waiting)s then now() end
from generate_series(1, %(cases)s) n;

-- name: reviews
insert into switchboard.reviews (review_id, case_id, flow, step, version, subject, shown, digest, reason, status,
    opened_at, due_at, decision, decided_by, decided_at, kind, risk, owner, agent, went_on_at)
select 'rv-' || lpad(n::text, 9, '0'), 'case-' || lpad(n::text, 7, '0'),
       case when n %% 4 = 0 then 'claims' else 'letters' end, 'review', 1, 'answer',
       jsonb_build_object(
           'letter', jsonb_build_object('text', 'Where is parcel number ' || n || '? I have waited since '
               || 'last week, and nobody at the counter could say.', 'sender', 'C-' || n),
           'answer', jsonb_build_object('text', 'Thank you for your letter. Parcel ' || n || ' left our house on '
               || 'Tuesday and is on its way to you; it takes three working days at most.', 'confidence', 0.4)),
       'd' || n, 'confidence 0.40 is under 0.80', case when is_open then 'open' else 'decided' end,
       now() - n * interval '1 minute', now() - n * interval '1 minute' + interval '2 days',
       case when not is_open then jsonb_build_object('type', case when n %% 5 = 0 then 'edit' else 'approve' end)
       end,
       case when not is_open then 'ann' end, case when not is_open then now() - n * interval '20 seconds' end,
       'review', (array['low', 'medium', 'medium', 'high'])[1 + n %% 4],
       (array['post-room', 'heads', 'night-shift'])[1 + n %% 3], (array['write', 'ask', 'look-up'])[1 + n %% 3],
       case when not is_open then now() end
from (select n, n <= %(waiting)s as is_open from generate_series(1, %(reviews)s) n) numbered;
