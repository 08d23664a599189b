-- Queries of the knowledge base. The tables: postgres/sql/0002_knowledge.sql.

-- name: search
-- BM25 in plain SQL; bm25.py says the same in Python and explains the constants.
with query as (
    select term, count(*)::float8 as asked from unnest(%(terms)s::text[]) as term group by term
), shelf as (
    select articles::float8 as articles, tokens::float8 / greatest(articles, 1) as mean
    from switchboard.article_collections where collection = %(collection)s
), scored as (
    select p.article_id,
           sum(round(
               q.asked * ln(1 + (s.articles - f.articles + 0.5::float8) / (f.articles + 0.5::float8))
               * (p.times * (%(k1)s::float8 + 1) / (p.times + %(k1)s::float8
                    * (1 - %(b)s::float8 + %(b)s::float8 * p.length / s.mean)))
               * %(grain)s::float8
           )) / %(grain)s::float8 as score
    from query q
    cross join shelf s
    join switchboard.term_frequencies f on f.collection = %(collection)s and f.term = q.term
    join switchboard.postings p on p.collection = %(collection)s and p.term = q.term
    group by p.article_id
    order by score desc, p.article_id
    limit %(k)s
)
select a.article_id, a.title, scored.score, a.text, a.topics
from scored join switchboard.articles a on a.collection = %(collection)s and a.article_id = scored.article_id
order by scored.score desc, a.article_id;

-- name: article
select article_id, title, text, topics, department
from switchboard.articles where collection = %(collection)s and article_id = %(article_id)s;

-- name: claim_collection
-- Gives a row only to who has to load. The row's lock makes a second process wait, and then
-- compare its digest with the one that has just been committed.
insert into switchboard.article_collections as old (collection, digest, articles, tokens)
values (%(collection)s, %(digest)s, %(articles)s, %(tokens)s)
on conflict (collection) do update
    set digest = excluded.digest, articles = excluded.articles, tokens = excluded.tokens, loaded_at = now()
    where old.digest <> excluded.digest
returning collection;

-- name: clear_collection
with gone as (delete from switchboard.articles where collection = %(collection)s),
     terms as (delete from switchboard.term_frequencies where collection = %(collection)s)
delete from switchboard.postings where collection = %(collection)s;

-- name: copy_articles
copy switchboard.articles (collection, article_id, title, text, topics, department, digest) from stdin;

-- name: copy_postings
copy switchboard.postings (collection, term, article_id, times, length) from stdin;

-- name: count_terms
insert into switchboard.term_frequencies (collection, term, articles)
select collection, term, count(*) from switchboard.postings where collection = %(collection)s
group by collection, term;

-- name: settle
-- Lets the index be read alone, and tells the planner its size. It never waits, and is skipped
-- with a warning for a login that does not own the tables.
vacuum (analyze, skip_locked) switchboard.articles, switchboard.postings, switchboard.term_frequencies;
