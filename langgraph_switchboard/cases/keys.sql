-- Keys and sessions.

-- name: any_key
select 1 as there from switchboard.api_keys limit 1;

-- name: add_key
insert into switchboard.api_keys
    (key_id, name, roles, scope, digest, created_at, created_by, expires_at)
values (%(key_id)s, %(name)s, %(roles)s, %(scope)s, %(digest)s, %(created_at)s, %(created_by)s, %(expires_at)s);

-- name: keys
select * from switchboard.api_keys order by created_at desc, key_id;

-- name: key
select * from switchboard.api_keys where key_id = %(key_id)s;

-- name: touch_key
update switchboard.api_keys set last_used_at = %(now)s where key_id = %(key_id)s;

-- name: revoke_key
with ended as (
    update switchboard.sessions set ended_at = %(now)s where key_id = %(key_id)s and ended_at is null
)
update switchboard.api_keys set revoked_at = coalesce(revoked_at, %(now)s)
where key_id = %(key_id)s
returning *;

-- name: add_session
insert into switchboard.sessions
    (session_id, digest, name, roles, scope, key_id, browser, created_at, expires_at)
values (%(session_id)s, %(digest)s, %(name)s, %(roles)s, %(scope)s, %(key_id)s, %(browser)s, %(created_at)s,
    %(expires_at)s);

-- name: session
-- A session is no better than the key that it was opened by.
select s.* from switchboard.sessions s left join switchboard.api_keys k using (key_id)
where s.session_id = %(session_id)s and s.ended_at is null and s.expires_at > %(now)s
  and k.revoked_at is null and (k.expires_at is null or k.expires_at > %(now)s);

-- name: end_session
update switchboard.sessions set ended_at = %(now)s where session_id = %(session_id)s and ended_at is null;

-- name: tidy_sessions
delete from switchboard.sessions where expires_at < %(before)s returning session_id;
