-- Effects: done once, or in doubt.

-- name: take
-- Takes the key, or waits for whoever holds it; nobody else gets it before our transaction ends.
insert into switchboard.effects (case_id, key, step, digest, status)
values (%(case_id)s, %(key)s, %(step)s, %(digest)s, 'intent')
on conflict do nothing
returning key;

-- name: read
select key, digest, status, result, began_at from switchboard.effects
where case_id = %(case_id)s and key = %(key)s;

-- name: finish
update switchboard.effects
set status = 'done', result = %(result)s::jsonb, ended_at = clock_timestamp(), settled_by = %(by)s
where case_id = %(case_id)s and key = %(key)s and status = 'intent';

-- name: forget
delete from switchboard.effects where case_id = %(case_id)s and key = %(key)s and status = 'intent';

-- name: still_owner
-- Last in the transaction, so that no lock on the owner's row is held while an effect works.
select 1 from switchboard.case_owner where case_id = %(case_id)s and epoch = %(epoch)s for share;
